#include "plugin/elf.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

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

/// `count` structs at `offset`: a copy, for nothing in a file need be aligned.
template <typename Struct>
std::vector<Struct> table(std::string_view bytes, std::uint64_t offset, std::uint64_t count,
                          const char* what) {
  if (count > table_max / sizeof(Struct)) refuse(fmt::format("is damaged: {} is too large", what));
  const std::uint64_t size = count * sizeof(Struct);
  if (offset > bytes.size() || size > bytes.size() - offset)
    refuse(fmt::format("is damaged or half written: {} lies outside the file", what));
  std::vector<Struct> rows(count);
  if (size != 0) std::memcpy(rows.data(), bytes.data() + offset, size);
  return rows;
}

Elf64_Ehdr header_of(std::string_view bytes) {
  if (bytes.size() < sizeof(Elf64_Ehdr)) refuse("is not a shared object (ELF file)");
  const Elf64_Ehdr header = table<Elf64_Ehdr>(bytes, 0, 1, "the header")[0];
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

/// Of every symbol that the dynamic linker is to look at, with its name.
template <typename Take>
void each_symbol(std::string_view bytes, Take take) {
  const Elf64_Ehdr header = header_of(bytes);
  if (header.e_shnum != 0 && header.e_shentsize != sizeof(Elf64_Shdr))
    refuse("is damaged: its section headers have a wrong size");
  const auto sections =
      table<Elf64_Shdr>(bytes, header.e_shoff, header.e_shnum, "the section header table");
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_DYNSYM) continue;
    if (section.sh_link >= sections.size())
      refuse("is damaged: its symbols have no table of names");
    const Elf64_Shdr& strings = sections[section.sh_link];
    const auto names = table<char>(bytes, strings.sh_offset, strings.sh_size, "the symbol names");
    const auto symbols = table<Elf64_Sym>(bytes, section.sh_offset,
                                          section.sh_size / sizeof(Elf64_Sym), "the symbol table");
    for (const Elf64_Sym& symbol : symbols) take(symbol, names);
  }
}

}  // namespace

std::vector<exported_symbol> read_exports(std::string_view bytes) {
  std::vector<exported_symbol> exports;
  each_symbol(bytes, [&](const Elf64_Sym& symbol, const std::vector<char>& names) {
    if (visible(symbol))
      exports.push_back({name_at(names, symbol.st_name), symbol.st_size,
                         ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT,
                         ELF64_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE});
  });
  return exports;
}

std::vector<std::string> read_imports(std::string_view bytes) {
  std::vector<std::string> imports;
  each_symbol(bytes, [&](const Elf64_Sym& symbol, const std::vector<char>& names) {
    if (symbol.st_shndx != SHN_UNDEF) return;
    std::string name = name_at(names, symbol.st_name);
    if (!name.empty()) imports.push_back(std::move(name));  // the first symbol is none
  });
  std::sort(imports.begin(), imports.end());
  imports.erase(std::unique(imports.begin(), imports.end()), imports.end());
  return imports;
}

}  // namespace sluice::plugin
