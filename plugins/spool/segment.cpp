#include "segment.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace sluice::spool {
namespace {

constexpr std::string_view magic = "SLUSPOOL";
constexpr std::size_t digits = 20;
constexpr std::size_t read_size = 256u << 10;

struct header {
  char magic[8];
  std::uint32_t version;
  std::uint32_t checksum;  // of `first`
  std::uint64_t first;
};
static_assert(sizeof(header) == segment_header_size);

std::uint32_t checksum(std::uint64_t first) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const Bytef*>(&first), sizeof first));
}

/// Up to the buffer's size; what came until the file's end.
std::size_t read_some(const descriptor& from, std::span<std::uint8_t> into, std::uint64_t offset,
                      const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::pread(from.number(), into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("cannot read " + path.string());
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

void throw_errno(const std::string& what) {
  throw std::system_error{errno, std::generic_category(), what};
}

descriptor::~descriptor() {
  if (number_ >= 0) ::close(number_);
}

bool write_all(const descriptor& to, std::span<const std::uint8_t> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(to.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::uint64_t>(done);
  }
  return true;
}

std::string segment_name(std::uint64_t first) {
  const std::string text = std::to_string(first);
  return std::string(digits - text.size(), '0').append(text).append(segment_suffix);
}

std::optional<std::uint64_t> first_of(const std::string& name) {
  if (name.size() != digits + segment_suffix.size() || !name.ends_with(segment_suffix))
    return std::nullopt;
  std::uint64_t first = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + digits, first);
  if (error != std::errc{} || end != name.data() + digits) return std::nullopt;
  return first;
}

// --- writing ------------------------------------------------------------------------------------

segment_writer::segment_writer(const std::filesystem::path& file, std::uint64_t first)
    : file_{::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)} {
  if (!file_) throw_errno("cannot create " + file.string());
  header made{{}, segment_version, checksum(first), first};
  std::memcpy(made.magic, magic.data(), magic.size());
  const std::span bytes{reinterpret_cast<const std::uint8_t*>(&made), sizeof made};
  if (write_all(file_, bytes, 0)) return;
  const int error = errno;
  ::unlink(file.c_str());
  errno = error;
  throw_errno("cannot write " + file.string());
}

bool segment_writer::append(std::span<const std::uint8_t> frames, bool synced) {
  if (write_all(file_, frames, size_) && (!synced || sync())) {
    size_ += frames.size();
    return true;
  }
  const int error = errno;
  // Nothing is lost if that fails: the next call writes over it, and a checksum ends a reader.
  [[maybe_unused]] const int cut = ::ftruncate(file_.number(), static_cast<off_t>(size_));
  errno = error;
  return false;
}

bool segment_writer::sync() { return ::fdatasync(file_.number()) == 0; }

// --- reading ------------------------------------------------------------------------------------

segment_reader::segment_reader(const std::filesystem::path& file, std::uint64_t first)
    : path_{file}, file_{::open(file.c_str(), O_RDONLY | O_CLOEXEC)}, buffer_(read_size) {
  if (!file_) throw_errno("cannot open " + file.string());
  header seen{};
  const std::span bytes{reinterpret_cast<std::uint8_t*>(&seen), sizeof seen};
  const std::size_t size = read_some(file_, bytes, 0, path_);
  if (size < sizeof seen || std::string_view{seen.magic, magic.size()} != magic)
    throw broken_header{file.string() + " is not a segment of a spool"};
  if (seen.version != segment_version)
    throw std::runtime_error{file.string() + " has version " + std::to_string(seen.version) +
                             "; this plugin reads version " + std::to_string(segment_version)};
  if (seen.checksum != checksum(seen.first) || seen.first != first)
    throw broken_header{file.string() + " has a header that does not fit its name"};
}

const entry* segment_reader::peek(std::uint64_t limit) {
  if (current_) return &current_->read;
  parse_result next = parse_frame({buffer_.data() + begin_, end_ - begin_});
  while (next.is == parsed::short_of_bytes && fill(limit, std::max(next.size, frame_head_size)))
    next = parse_frame({buffer_.data() + begin_, end_ - begin_});
  if (next.is != parsed::whole) return nullptr;
  current_ = next;
  return &current_->read;
}

void segment_reader::pop() {
  begin_ += current_->size;
  offset_ += current_->size;
  current_.reset();
}

/// More of the file behind what is in the buffer, which then has room for `wanted`; false: no more.
bool segment_reader::fill(std::uint64_t limit, std::size_t wanted) {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  const std::uint64_t at = offset_ + end_;
  const std::size_t room =
      std::min<std::uint64_t>(buffer_.size() - end_, at < limit ? limit - at : 0);
  const std::size_t got = read_some(file_, {buffer_.data() + end_, room}, at, path_);
  end_ += got;
  return got > 0;
}

}  // namespace sluice::spool
