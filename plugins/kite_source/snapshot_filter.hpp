// kite_source/snapshot_filter.hpp - which ticks are cached ones.
//
// The server sends each instrument's last tick anew when it is subscribed, possibly days old. One
// is known by an exchange time before the connection's, or, in a packet without a time, by being
// the instrument's first on this connection. Looked for only shortly after a connection opened.
#pragma once

#include "token_set.hpp"

#include <sluice/record.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace sluice::kite_source {

class snapshot_filter {
 public:
  static constexpr duration window = std::chrono::seconds{10};

  explicit snapshot_filter(std::span<const std::uint32_t> tokens)
      : tokens_{tokens}, seen_(tokens_.size()) {}

  /// A new connection.
  void opened(time_point now, duration unix_time) {
    until_ = now + window;
    opened_s_ = std::chrono::duration_cast<std::chrono::seconds>(unix_time).count();
    ++connection_;
  }
  bool active(time_point now) const { return now < until_; }

  /// Only while active. `exchange_s`: unix seconds, 0 for none.
  bool cached(std::uint32_t token, std::uint32_t exchange_s) {
    if (exchange_s != 0) return exchange_s < opened_s_;
    const std::uint32_t number = tokens_.find(token);
    if (number == token_set::none || seen_[number] == connection_) return false;
    seen_[number] = connection_;
    return true;
  }

 private:
  token_set tokens_;
  std::vector<std::uint32_t> seen_;  ///< by token: the last connection it came on
  std::uint32_t connection_ = 0;
  time_point until_{};
  std::int64_t opened_s_ = 0;
};

}  // namespace sluice::kite_source
