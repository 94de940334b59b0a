// What is asked of one sink, and what it can take: measured so that our own drops never look like
// its weakness.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::levels {

/// What one sink saw in one slot of about 100 ms.
struct slot {
  std::int64_t length_ns = 100'000'000;
  std::uint64_t arrived = 0;    ///< reached its queue
  std::uint64_t kept_away = 0;  ///< sampled or shed on the way to it
  std::uint64_t delivered = 0;
  bool saturated = false;  ///< its queue never ran empty and it never had room for another call
  bool barred = false;     ///< its guard was not closed: says nothing of what it can take
};

/// Offered is over the last ten slots. Capacity is unknown until the first saturated slot. A
/// saturated slot sets it to the mean of the newest five such among the last ten slots; any other
/// slot proves what was delivered and probes 5 % beyond, never more than was offered; or, if
/// nothing was kept away for ten slots, that the sink takes what is offered. This is BBR's
/// "app-limited" rule: a rate is a capacity only while nothing but the sink limits it, and without
/// the probe one slow spell would be believed for ever. A mean, because what a sink delivers in
/// 100 ms varies by tens of per cent where its CPU is limited: the largest promises more than it
/// can hold, and the queue before it stands full.
class demand {
 public:
  void add(const slot& now);

  double offered_per_s() const { return offered_; }
  /// 0 while unknown, at least 1 when known.
  double capacity_per_s() const { return known_ ? (capacity_ < 1 ? 1 : capacity_) : 0; }
  /// min(1, capacity / offered); 1 while nothing is offered or capacity is unknown.
  double ratio() const;

 private:
  double saturated_rate() const;

  static constexpr std::size_t window = 10, averaged = 5;
  static constexpr double probe = 1.05;

  std::array<slot, window> slots_{};
  std::size_t next_ = 0, filled_ = 0;
  bool known_ = false;
  double offered_ = 0, capacity_ = 0;
};

}  // namespace sluice::levels
