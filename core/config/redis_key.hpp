// A string in a Redis: where it is, and what it says now.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::config {

struct redis_key {
  std::string host;
  std::uint16_t port = 6379;
  std::string user, password;
  std::uint32_t database = 0;
  std::string key;

  /// For people: without user and password.
  std::string shown() const;
};

/// redis://[user:password@]host[:port]/database/key, where %XX stands for a byte of user, password
/// and key. Throws std::invalid_argument whose message repeats nothing of the text.
redis_key parse_redis_key(std::string_view url);

/// The Redis gave no answer: what it said before may still hold.
struct redis_unreachable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Blocks: half a second for each of connecting, AUTH, SELECT and GET, and as long as the system
/// looks up a name. At most 4 KiB, without trailing line ends. Throws redis_unreachable, or
/// std::runtime_error if the answer is no; neither message holds a password or the value.
std::string read_redis_key(const redis_key& which);

}  // namespace sluice::config
