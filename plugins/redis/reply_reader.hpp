// Bytes of a Redis connection to replies (RESP2). hiredis's parser with reply functions that make
// one reused value instead of a tree, so that a reply costs no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

struct redisReader;

namespace sluice::redis {

enum class reply_kind : std::uint8_t { integer, status, error, string, nil, array };

struct reply {
  reply_kind kind = reply_kind::nil;
  std::int64_t integer = 0;  ///< of an integer; an array's number of elements
  std::string_view text;     ///< of a string; of a status or error, cut at reply_reader::text_max
  std::array<std::string_view, 3> head;  ///< of an array: its first elements, if they are texts
};

/// The word by which an error is known.
inline std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

/// One thread. What follows a malformed byte is lost: make a new connection.
class reply_reader {
 public:
  static constexpr std::size_t text_max = 256;
  /// No reply that is asked for comes near, but a list of ten thousand clients; a longer one is
  /// taken for nonsense.
  static constexpr std::size_t unread_max = 4 * 1024 * 1024;

  reply_reader();
  ~reply_reader();
  reply_reader(const reply_reader&) = delete;
  reply_reader& operator=(const reply_reader&) = delete;

  /// False when memory ran out or too much is unread.
  bool feed(std::span<const char> bytes);

  enum class result : std::uint8_t { reply, more, broken };
  /// The next reply. Its text is valid until the next call.
  result next(reply& out);

  /// Forgets all, for a new connection.
  void reset();

 private:
  struct functions;
  redisReader* reader_ = nullptr;  // owned
  reply reply_;
  char text_[text_max];
  std::string string_;
  char head_[3][text_max];
};

}  // namespace sluice::redis
