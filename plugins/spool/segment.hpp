// spool/segment.hpp - one file of a spool: a header and frames behind each other.
#pragma once

#include "frame.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::spool {

/// An open file, closed with it.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int number) : number_{number} {}
  descriptor(descriptor&& from) noexcept : number_{std::exchange(from.number_, -1)} {}
  descriptor& operator=(descriptor&& from) noexcept {
    std::swap(number_, from.number_);
    return *this;
  }
  ~descriptor();
  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// Throws std::system_error of errno.
[[noreturn]] void throw_errno(const std::string& what);

/// All of `bytes` at `offset`, or false with errno.
bool write_all(const descriptor& to, std::span<const std::uint8_t> bytes, std::uint64_t offset);

inline constexpr std::uint32_t segment_version = 1;
inline constexpr std::size_t segment_header_size = 24;
inline constexpr std::string_view segment_suffix = ".spool";

/// "00000000000000000001.spool": the serial of its first record, so that names sort as records do.
std::string segment_name(std::uint64_t first);
/// What segment_name was given; none: not such a name.
std::optional<std::uint64_t> first_of(const std::string& name);

/// Appends to a new file. What a call could not write whole is cut off again.
class segment_writer {
 public:
  /// Replaces a file of that name, which an object has left that was taken back. Throws
  /// std::system_error.
  segment_writer(const std::filesystem::path& file, std::uint64_t first);
  /// Frames, all of them or none: false with errno. `synced`: the device has them.
  bool append(std::span<const std::uint8_t> frames, bool synced);
  /// The device has it all; false with errno.
  bool sync();
  std::uint64_t size() const { return size_; }

 private:
  descriptor file_;
  std::uint64_t size_ = segment_header_size;
};

/// A file whose header is not what was written: nothing of it can be read.
struct broken_header : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Reads frame after frame.
class segment_reader {
 public:
  /// All name the file: throws std::runtime_error if it is of another version, broken_header if it
  /// is not a segment that begins with `first`, std::system_error if it cannot be read.
  segment_reader(const std::filesystem::path& file, std::uint64_t first);
  /// The next frame, none at `limit` bytes of the file or behind the last whole frame. The same one
  /// until pop(), and valid until then. Throws std::system_error.
  const entry* peek(std::uint64_t limit);
  void pop();
  bool peeked() const { return current_.has_value(); }
  /// Bytes up to the frame that peek() gives: all whole frames once it gave none.
  std::uint64_t offset() const { return offset_; }

 private:
  bool fill(std::uint64_t limit, std::size_t wanted);

  std::filesystem::path path_;
  descriptor file_;
  std::uint64_t offset_ = segment_header_size;
  std::vector<std::uint8_t> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // of what is in it, from offset_ on
  std::optional<parse_result> current_;
};

}  // namespace sluice::spool
