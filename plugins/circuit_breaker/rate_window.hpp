// How many of the calls of the last seconds failed, and how many were slow. Pure.
#pragma once

#include <sluice/record.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::circuit_breaker {

/// A sliding window of ten slices: a call counts for between 9/10 of the length and the whole of
/// it.
class rate_window {
 public:
  explicit rate_window(duration length)
      : slice_ns_{std::max<std::int64_t>(length.count() / 10, 1)} {}

  void add(time_point now, bool failed, bool slow) {
    advance(now);
    ++sum_.calls, ++slices_[at_].calls;
    if (failed) ++sum_.failed, ++slices_[at_].failed;
    if (slow) ++sum_.slow, ++slices_[at_].slow;
  }
  /// Forgets what is too old by now.
  void advance(time_point now) {
    const std::int64_t number = now.time_since_epoch().count() / slice_ns_;
    const std::int64_t passed = number - number_;
    if (passed <= 0) return;
    number_ = number;
    if (passed >= static_cast<std::int64_t>(slices_.size())) return clear();
    for (std::int64_t i = 0; i < passed; ++i) {
      at_ = (at_ + 1) % slices_.size();
      sum_.calls -= slices_[at_].calls;
      sum_.failed -= slices_[at_].failed;
      sum_.slow -= slices_[at_].slow;
      slices_[at_] = {};
    }
  }
  void clear() {
    slices_.fill({});
    sum_ = {};
  }

  std::uint64_t calls() const { return sum_.calls; }
  /// Of the calls in the window; 0 if there are none.
  double failure_rate() const { return share(sum_.failed); }
  double slow_rate() const { return share(sum_.slow); }

 private:
  struct slice {
    std::uint64_t calls = 0, failed = 0, slow = 0;
  };
  double share(std::uint64_t part) const {
    return sum_.calls == 0 ? 0 : static_cast<double>(part) / static_cast<double>(sum_.calls);
  }

  std::int64_t slice_ns_;
  std::int64_t number_ = 0;  // of the newest slice, from the clock's zero
  std::size_t at_ = 0;
  std::array<slice, 10> slices_{};
  slice sum_;
};

}  // namespace sluice::circuit_breaker
