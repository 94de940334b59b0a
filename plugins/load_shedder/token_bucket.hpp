// load_shedder/token_bucket.hpp - how many records may pass, by a rate and a burst.
#pragma once

#include <sluice/state.hpp>

#include <algorithm>
#include <cstdint>

namespace sluice::load_shedder {

/// Exact: a token is 10^9 parts, so that whole records a second times nanoseconds need no rounding.
/// Starts full. What passes without a token leaves a debt of at most one second.
class token_bucket {
 public:
  static constexpr std::int64_t max_rate = 100'000'000;  ///< records/s
  static constexpr duration max_burst = std::chrono::seconds{10};

  /// `rate` is in records/s, at most max_rate; the bucket holds `burst` of it, and a record at
  /// least. `now` never goes back.
  void refill(time_point now, std::int64_t rate, duration burst) {
    const std::int64_t size = std::max(token, rate * burst.count());
    // After this long it is full, whatever it owed: the product stays within 64 bits.
    const duration since = std::min<duration>(now - refilled_, burst + std::chrono::seconds{1});
    level_ = std::clamp(level_ + rate * since.count(), -rate * token, size);
    refilled_ = now;
  }
  /// Takes a token if there is one.
  bool take() {
    if (level_ < token) return false;
    level_ -= token;
    return true;
  }
  void save(state_writer& out) const {
    out.put(level_);
    out.put(refilled_);
  }
  /// Throws std::runtime_error for what no save can have written.
  void load(state_reader& in, time_point now) {
    constexpr std::int64_t most = max_rate * max_burst.count();
    level_ = in.get<std::int64_t>(-most, most);
    refilled_ = in.get<time_point>(now - std::chrono::hours{10 * 365 * 24}, now);
  }

  /// Takes all tokens; a debt stays.
  void empty() { level_ = std::min<std::int64_t>(level_, 0); }
  /// Takes a token even if there is none.
  void spend() { level_ -= token; }

 private:
  static constexpr std::int64_t token = 1'000'000'000;
  std::int64_t level_ = 0;
  time_point refilled_ = time_point{-std::chrono::hours{1}};  ///< long ago: full at first
};

}  // namespace sluice::load_shedder
