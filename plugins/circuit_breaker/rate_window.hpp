// How many of the calls of the last seconds failed, and how many were slow. Pure.
#pragma once

#include <sluice/state.hpp>

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

  void save(state_writer& out) const {
    out.put(slice_ns_);
    out.put(number_);
    for (std::size_t i = 1; i <= slices_.size(); ++i) {  // from the oldest
      const slice& each = slices_[(at_ + i) % slices_.size()];
      out.put(each.calls);
      out.put(each.failed);
      out.put(each.slow);
    }
  }
  /// Of a window of another length nothing is taken. Throws std::runtime_error for what no save can
  /// have written.
  void load(state_reader& in, time_point now) {
    constexpr std::uint64_t most_calls = std::uint64_t{1} << 48;
    rate_window read{duration{in.get<std::int64_t>(1, INT64_MAX / 10)} * 10};
    const std::int64_t newest = now.time_since_epoch().count() / read.slice_ns_;
    read.number_ = in.get<std::int64_t>(std::min<std::int64_t>(newest, 0), newest);
    read.at_ = read.slices_.size() - 1;
    for (slice& each : read.slices_) {
      each.calls = in.get<std::uint64_t>(0, most_calls);
      each.failed = in.get<std::uint64_t>(0, each.calls);
      each.slow = in.get<std::uint64_t>(0, each.calls);
      read.sum_.calls += each.calls;
      read.sum_.failed += each.failed;
      read.sum_.slow += each.slow;
    }
    if (read.slice_ns_ == slice_ns_) *this = read;
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
