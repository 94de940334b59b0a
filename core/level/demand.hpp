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
  std::uint64_t arrived = 0;  ///< reached its queue
  double kept_away = 0;       ///< sampled or shed on the way to it
  std::uint64_t delivered = 0;
  std::int64_t room_ns = 100'000'000;  ///< its queue was empty, or it waited for a fuller call
  bool barred = false;         ///< its guard was not closed: says nothing of what it can take
  std::int64_t silent_ns = 0;  ///< at its end, since the last delivery
};

/// Offered is over the last ten slots. A slot is saturated if the sink had room for a tenth of it
/// at most. Capacity is unknown until the first saturated slot that delivered something. Such a
/// slot sets it to the mean of the newest five such among the last ten: a mean, because what a sink
/// delivers in 100 ms varies by tens of per cent where its CPU is limited, and the largest promises
/// more than it can hold. Time without a delivery belongs to the next one, so that a slot in which
/// the sink stops measures what it did before; beyond 300 ms of it the sink stands still, which
/// says nothing of its speed.
///
/// Any other slot proves what was delivered, and is a probe: capacity rises by 5 %, but to no more
/// than is offered, and to a tenth more than was delivered where room was for less than half of
/// the slot. If nothing was kept away for ten slots, the sink takes what is offered. This is BBR's
/// "app-limited" rule: a rate is a capacity only while nothing but the sink limits it, and without
/// the probe one slow spell would be believed for ever.
class demand {
 public:
  void add(const slot& now);

  double offered_per_s() const { return offered_; }
  /// 0 while unknown, at least 1 when known.
  double capacity_per_s() const { return known_ ? (capacity_ < 1 ? 1 : capacity_) : 0; }
  /// min(1, capacity / offered); 1 while nothing is offered or capacity is unknown.
  double ratio() const;

 private:
  struct past {
    slot seen;
    std::int64_t took_ns = 0;  // of a measure of capacity; 0: is none
  };
  std::int64_t measured(const slot& now);
  double probed(const slot& now) const;
  double saturated_rate() const;

  static constexpr std::size_t window = 10, averaged = 5;
  static constexpr double probe = 1.05, furthest = 1.1;
  static constexpr std::int64_t saturated_part = 10, busy_part = 2;  // of a slot, with room
  static constexpr std::int64_t stall_ns = 300'000'000;

  std::array<past, window> slots_{};
  std::int64_t standing_ns_ = 0;  // saturated, since the last delivery, up to now
  std::size_t next_ = 0, filled_ = 0;
  bool known_ = false;
  double offered_ = 0, capacity_ = 0;
};

}  // namespace sluice::levels
