#include "plugin/image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace sluice::plugin {
namespace {

constexpr std::uint64_t file_max = 1u << 30;
constexpr std::size_t name_max = 200;  // memfd_create takes 249 bytes

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error{fmt::format("{}: {}", what, std::generic_category().message(errno))};
}

/// Closes a file descriptor at the end of its scope.
class open_file {
 public:
  explicit open_file(int number) : number_{number} {}
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() {
    if (number_ >= 0) close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

struct stat about(int file) {
  struct stat made {};
  if (fstat(file, &made) != 0) fail("cannot be read");
  return made;
}

bool same_version(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

void write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("cannot be copied into memory");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace

std::string read_whole(const std::filesystem::path& path) {
  // A pipe must not make this wait for its other end.
  const open_file file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.get() < 0) fail("cannot be read");
  const struct stat before = about(file.get());
  if (!S_ISREG(before.st_mode)) throw std::runtime_error{"is not a regular file"};
  const auto size = static_cast<std::uint64_t>(before.st_size);
  if (size > file_max) throw std::runtime_error{"is larger than 1 GiB, the most a plugin may be"};
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = read(file.get(), bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot be read");
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  if (done < size || !same_version(before, about(file.get())))
    throw std::runtime_error{"changed while it was read: is it still being written?"};
  return bytes;
}

image::image(const std::string& name, std::string_view bytes) {
  open_file memory{memfd_create(name.substr(0, name_max).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (memory.get() < 0) fail("cannot be copied into memory");
  write_all(memory.get(), bytes);
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0)
    fail("cannot be copied into memory");
  // By number, not "self": debuggers and symbolizers read it in processes of their own.
  path_ = fmt::format("/proc/{}/fd/{}", getpid(), memory.get());
  memory_ = memory.release();
}

image::~image() {
  if (!kept_) close(memory_);
}

}  // namespace sluice::plugin
