#include "plugin/elf.hpp"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>

namespace sluice::plugin {
namespace {

#if defined(__x86_64__)
constexpr std::uint16_t host_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t host_machine = EM_AARCH64;
#else
#error "name this machine's ELF number"
#endif

constexpr std::uint64_t table_max = 64u << 20;  // bytes of one section that is read whole

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error{why}; }

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_386: return "x86 (32 bits)";
    case EM_X86_64: return "x86-64";
    case EM_AARCH64: return "aarch64";
    case EM_ARM: return "arm";
    case EM_RISCV: return "risc-v";
    default: return fmt::format("number {}", machine);
  }
}

/// A file that is only ever read within its bounds.
class reader {
 public:
  explicit reader(const std::filesystem::path& file)
      : file_{open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)} {
    if (file_ < 0) fail();
    struct stat about {};
    if (fstat(file_, &about) != 0) {
      const int error = errno;
      close(file_);
      errno = error;
      fail();
    }
    if (!S_ISREG(about.st_mode)) {
      close(file_);
      refuse("is not a regular file");
    }
    size_ = static_cast<std::uint64_t>(about.st_size);
  }
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;
  ~reader() { close(file_); }

  void read(std::uint64_t offset, std::span<std::byte> out, const char* what) const {
    if (offset > size_ || out.size() > size_ - offset)
      refuse(fmt::format("is damaged: {} lies outside the file", what));
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got =
          pread(file_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail();
      if (got == 0) refuse("is damaged: it became shorter while it was read");
      done += static_cast<std::size_t>(got);
    }
  }

  template <typename Struct>
  std::vector<Struct> table(std::uint64_t offset, std::uint64_t count, const char* what) const {
    if (count > table_max / sizeof(Struct))
      refuse(fmt::format("is damaged: {} is too large", what));
    // Bounds first: a damaged count must not make memory.
    if (offset > size_ || count * sizeof(Struct) > size_ - offset)
      refuse(fmt::format("is damaged: {} lies outside the file", what));
    std::vector<Struct> rows(count);
    read(offset, std::as_writable_bytes(std::span{rows}), what);
    return rows;
  }

  std::uint64_t size() const { return size_; }

 private:
  [[noreturn]] static void fail() {
    refuse("cannot be read: " + std::generic_category().message(errno));
  }
  int file_;
  std::uint64_t size_ = 0;
};

Elf64_Ehdr header_of(const reader& file) {
  if (file.size() < sizeof(Elf64_Ehdr)) refuse("is not a shared object (ELF file)");
  const Elf64_Ehdr header = file.table<Elf64_Ehdr>(0, 1, "the header")[0];
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    refuse("is not a shared object (ELF file)");
  constexpr auto order = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != order ||
      header.e_machine != host_machine)
    refuse(fmt::format("was built for {}, this host is {}", machine_name(header.e_machine),
                       machine_name(host_machine)));
  if (header.e_type != ET_DYN) refuse("is an ELF file but not a shared object");
  return header;
}

std::string name_at(const std::vector<char>& names, std::uint32_t at) {
  if (at >= names.size()) refuse("is damaged: a symbol's name lies outside its table");
  const std::size_t longest = names.size() - at;
  const std::size_t length = strnlen(names.data() + at, longest);
  if (length == longest) refuse("is damaged: a symbol's name does not end");
  return {names.data() + at, length};
}

bool visible(const Elf64_Sym& symbol) {
  const auto binding = ELF64_ST_BIND(symbol.st_info);
  const auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  return symbol.st_shndx != SHN_UNDEF && binding != STB_LOCAL &&
         (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

}  // namespace

std::vector<exported_symbol> read_exports(const std::filesystem::path& path) {
  const reader file{path};
  const Elf64_Ehdr header = header_of(file);
  if (header.e_shnum != 0 && header.e_shentsize != sizeof(Elf64_Shdr))
    refuse("is damaged: its section headers have a wrong size");
  const auto sections =
      file.table<Elf64_Shdr>(header.e_shoff, header.e_shnum, "the section header table");

  std::vector<exported_symbol> exports;
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_DYNSYM) continue;
    if (section.sh_link >= sections.size())
      refuse("is damaged: its symbols have no table of names");
    const Elf64_Shdr& strings = sections[section.sh_link];
    const auto names = file.table<char>(strings.sh_offset, strings.sh_size, "the symbol names");
    const auto symbols = file.table<Elf64_Sym>(
        section.sh_offset, section.sh_size / sizeof(Elf64_Sym), "the symbol table");
    for (const Elf64_Sym& symbol : symbols)
      if (visible(symbol))
        exports.push_back({name_at(names, symbol.st_name), symbol.st_size,
                           ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT,
                           ELF64_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE});
  }
  return exports;
}

}  // namespace sluice::plugin
