#include "window.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::backpressure_monitor {
namespace {

/// Parts of the window in which one reading is kept. A bit more than 60, so that readings that come
/// a 60th apart, or a moment early, are kept all.
constexpr double slots = 66;

}  // namespace

window::window(double length_s) : length_s_{length_s} {
  kept_.reserve(static_cast<std::size_t>(slots) + 8);
}

bool window::continues(const sample& next) const {
  const sample& last = kept_.back();
  if (next.at_s <= last.at_s) return false;
  for (std::size_t i = 0; i < next.total.size(); ++i)
    if (next.total[i] < last.total[i]) return false;
  return true;
}

void window::add(const reading& next) {
  sample added{next.at_s, next.total, next.pending};
  if (!kept_.empty() && !continues(added)) kept_.clear();
  const bool close =
      kept_.size() > 1 && kept_.back().at_s - kept_[kept_.size() - 2].at_s < length_s_ / slots;
  if (close) {
    added.pending = std::max(added.pending, kept_.back().pending);
    kept_.pop_back();
  }
  kept_.push_back(added);
  const auto misses_by = [&](const sample& each) {
    return std::abs(added.at_s - each.at_s - length_s_);
  };
  while (kept_.size() > 2 && misses_by(kept_[1]) <= misses_by(kept_[0])) kept_.erase(kept_.begin());
}

double window::grown(total which) const {
  return kept_.empty() ? 0 : at(kept_.back().total, which) - at(kept_.front().total, which);
}

double window::per_second(total which) const { return span_s() > 0 ? grown(which) / span_s() : 0; }

double window::rate_ratio() const {
  const double received = grown(total::received);
  return received > 0 ? grown(total::published) / received : 1;
}

double window::attempts() const {
  return grown(total::published) + grown(total::failed) + grown(total::unknown);
}

double window::error_ratio() const {
  const double all = attempts();
  return all > 0 ? (grown(total::failed) + grown(total::unknown)) / all : 0;
}

double window::pending_max() const {
  // The oldest stands for the time before the window, unless it is alone.
  const auto from = kept_.begin() + (kept_.size() > 1 ? 1 : 0);
  double most = 0;
  for (auto each = from; each != kept_.end(); ++each) most = std::max(most, each->pending);
  return most;
}

}  // namespace sluice::backpressure_monitor
