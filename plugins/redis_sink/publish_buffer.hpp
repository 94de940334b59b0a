// A batch as commands that hand it over, encoded in place in one buffer that is reused.
#pragma once

#include "command_frame.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::redis_sink {

enum class encoded : std::uint8_t { ok, oversize, malformed };

class publish_buffer {
 public:
  /// Room that a renderer may ask for beyond its message: its estimate need not be exact.
  static constexpr std::uint64_t slack = 64;

  /// `message_max`: most bytes of one message.
  explicit publish_buffer(std::uint64_t message_max) : message_max_{message_max}, bytes_(16'384) {}

  void set_message_max(std::uint64_t bytes) { message_max_ = bytes; }
  void clear() {
    size_ = 0;
    ends_.clear();
    labels_.clear();
  }
  std::span<const char> bytes() const { return {bytes_.data(), size_}; }

  /// Of each command.
  std::span<const command_label> labels() const { return labels_; }
  command_label& last_label() { return labels_.back(); }
  std::uint32_t count() const { return static_cast<std::uint32_t>(ends_.size()); }
  std::span<const char> command(std::uint32_t which) const {
    const std::size_t begin = which == 0 ? 0 : ends_[which - 1];
    return {bytes_.data() + begin, ends_[which] - begin};
  }
  /// The content, not the limit.
  void swap(publish_buffer& other) {
    bytes_.swap(other.bytes_);
    ends_.swap(other.ends_);
    labels_.swap(other.labels_);
    std::swap(size_, other.size_);
  }

  /// Appends one command, or nothing when the answer is not `ok`.
  /// `prefix`: all up to the message's length. `expected`: bytes that suffice for most messages.
  /// `render(out, capacity)` writes the message and returns its size; 0: it is malformed; more than
  /// `capacity`: nothing usable was written, call again with that much.
  template <typename Render>
  encoded append(std::string_view prefix, std::uint64_t expected, Render&& render,
                 command_label label = {}) {
    const std::size_t body = size_ + prefix.size() + digits_ + 2;
    const std::uint64_t most = message_max_ + slack;
    std::uint64_t capacity = expected + slack < most ? expected + slack : most;
    std::uint64_t length = 0;
    // A renderer states its need once; one that goes on asking is broken.
    for (int attempt = 0; attempt < 3; ++attempt) {
      reserve(body + capacity + overhead);
      length = render(bytes_.data() + body, capacity);
      if (length == 0) return encoded::malformed;
      if (length <= capacity) break;
      if (length > most) return encoded::oversize;
      capacity = length;
      length = 0;
    }
    if (length == 0) return encoded::malformed;
    if (length > message_max_) return encoded::oversize;
    finish(prefix, body, length);
    labels_.push_back(label);
    return encoded::ok;
  }

  /// Appends another command with the message of the last one.
  void repeat(std::string_view prefix, command_label label) {
    const std::size_t begin = ends_.back() - 2 - last_length_;
    const auto length = last_length_;
    (void)append(
        prefix, length,
        [&](char* out, std::uint64_t) {
          std::memcpy(out, bytes_.data() + begin, length);
          return length;
        },
        label);
  }

 private:
  static constexpr std::size_t overhead = 32;  ///< length digits that were not foreseen, CR LF

  void reserve(std::size_t size) {
    if (size > bytes_.size()) bytes_.resize(size + size / 2);
  }

  /// Puts prefix and length before the message, moving it if its length has not as many digits as
  /// the last one's had (Redis refuses leading zeros).
  void finish(std::string_view prefix, std::size_t body, std::uint64_t length) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, length).ptr;
    const auto count = static_cast<std::size_t>(end - digits);
    char* out = bytes_.data() + size_;
    if (count != digits_) {
      std::memmove(bytes_.data() + body - digits_ + count, bytes_.data() + body, length);
      digits_ = count;
    }
    std::memcpy(out, prefix.data(), prefix.size());
    out += prefix.size();
    std::memcpy(out, digits, count);
    out += count;
    std::memcpy(out, "\r\n", 2);
    out += 2 + length;
    std::memcpy(out, "\r\n", 2);
    size_ = static_cast<std::size_t>(out + 2 - bytes_.data());
    ends_.push_back(size_);
    last_length_ = length;
  }

  std::uint64_t message_max_;
  std::vector<char> bytes_;
  std::size_t size_ = 0;
  std::vector<std::size_t> ends_;  ///< of each command
  std::vector<command_label> labels_;
  std::uint64_t last_length_ = 0;
  std::size_t digits_ = 3;  ///< of the last length: the next one's are likely as many
};

}  // namespace sluice::redis_sink
