#include "level/demand.hpp"

#include <algorithm>
#include <utility>

namespace sluice::levels {

void demand::add(const slot& now) {
  if (now.length_ns <= 0) return;
  slots_[next_] = {now, measured(now)};
  const past& last = slots_[next_];
  next_ = (next_ + 1) % window;
  filled_ = std::min(filled_ + 1, window);
  double records = 0, seconds = 0;
  double kept_away = 0;
  for (std::size_t i = 0; i < filled_; ++i) {
    kept_away += slots_[i].seen.kept_away;
    records += static_cast<double>(slots_[i].seen.arrived) + slots_[i].seen.kept_away;
    seconds += static_cast<double>(slots_[i].seen.length_ns) / 1e9;
  }
  offered_ = records / seconds;

  if (last.took_ns > 0) {
    capacity_ = saturated_rate();
    known_ = true;
  } else if (known_ && !now.barred && standing_ns_ == 0) {
    const double proven = kept_away == 0 ? offered_ : probed(now);
    capacity_ = std::max(capacity_, std::min(offered_, proven));
  }
}

/// A sink with hardly any room delivers about what it can, whatever was believed before.
double demand::probed(const slot& now) const {
  const double rate = static_cast<double>(now.delivered) * 1e9 / static_cast<double>(now.length_ns);
  const double more = std::max(capacity_, rate) * probe;
  return now.room_ns * busy_part < now.length_ns ? std::min(more, rate * furthest) : more;
}

/// The time that what was delivered took, if it measures the capacity; else 0.
std::int64_t demand::measured(const slot& now) {
  const bool full = now.room_ns * saturated_part <= now.length_ns && !now.barred;
  if (full && (now.delivered == 0 || now.silent_ns >= now.length_ns)) {
    standing_ns_ += now.length_ns;
    return 0;
  }
  const std::int64_t silent = full ? std::max<std::int64_t>(now.silent_ns, 0) : 0;
  const std::int64_t stood = std::exchange(standing_ns_, silent);
  if (!full) return 0;
  return now.length_ns - silent + (stood <= stall_ns ? stood : 0);
}

double demand::saturated_rate() const {
  double records = 0, seconds = 0;
  std::size_t found = 0;
  for (std::size_t back = 1; back <= filled_ && found < averaged; ++back) {
    const past& each = slots_[(next_ + window - back) % window];
    if (each.took_ns == 0) continue;
    ++found;
    records += static_cast<double>(each.seen.delivered);
    seconds += static_cast<double>(each.took_ns) / 1e9;
  }
  return records / seconds;
}

double demand::ratio() const {
  if (!known_ || offered_ <= 0) return 1;
  return std::min(1.0, capacity_ / offered_);
}

}  // namespace sluice::levels
