#include "level/demand.hpp"

#include <algorithm>

namespace sluice::levels {

void demand::add(const slot& now) {
  if (now.length_ns <= 0) return;
  slots_[next_] = now;
  next_ = (next_ + 1) % window;
  filled_ = std::min(filled_ + 1, window);
  double records = 0, seconds = 0;
  std::uint64_t kept_away = 0;
  for (std::size_t i = 0; i < filled_; ++i) {
    records += static_cast<double>(slots_[i].arrived + slots_[i].kept_away);
    seconds += static_cast<double>(slots_[i].length_ns) / 1e9;
    kept_away += slots_[i].kept_away;
  }
  offered_ = records / seconds;

  if (now.barred) return;
  const double rate = static_cast<double>(now.delivered) * 1e9 / static_cast<double>(now.length_ns);
  if (now.saturated) {
    capacity_ = saturated_rate();
    known_ = true;
  } else if (known_ && kept_away == 0) {
    capacity_ = std::max(capacity_, offered_);
  } else if (known_) {
    capacity_ = std::max(capacity_, std::min(offered_, std::max(capacity_, rate) * probe));
  }
}

double demand::saturated_rate() const {
  double records = 0, seconds = 0;
  std::size_t found = 0;
  for (std::size_t back = 1; back <= filled_ && found < averaged; ++back) {
    const slot& each = slots_[(next_ + window - back) % window];
    if (!each.saturated || each.barred) continue;
    ++found;
    records += static_cast<double>(each.delivered);
    seconds += static_cast<double>(each.length_ns) / 1e9;
  }
  return records / seconds;
}

double demand::ratio() const {
  if (!known_ || offered_ <= 0) return 1;
  return std::min(1.0, capacity_ / offered_);
}

}  // namespace sluice::levels
