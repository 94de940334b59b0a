#include "scenario/curve.hpp"

#include <sluice/abi.h>

#include <algorithm>
#include <cmath>

namespace sluice::scenario {

namespace {

constexpr double ns_per_s = 1e9;
constexpr double endless_s = 1e9;  // beyond any run, and far from the end of an int64

double seconds(std::int64_t from_ns, std::int64_t to_ns) {
  return static_cast<double>(to_ns - from_ns) / ns_per_s;
}

/// When a rate that begins at `per_s` and changes by `slope_s` each second has brought `amount`;
/// negative if it never does.
double time_for(double amount, double per_s, double slope_s) {
  if (slope_s == 0) return per_s > amount / endless_s ? amount / per_s : -1;
  const double root = per_s * per_s + 2 * slope_s * amount;
  // The form without a difference of near numbers: slopes are small against rates.
  return root < 0 ? -1 : 2 * amount / (per_s + std::sqrt(root));
}

}  // namespace

curve::curve(const std::vector<point>& points) {
  if (points.empty() || points.front().at_ns > 0) pieces_.push_back({0, 0, 0});
  for (const point& next : points) {
    if (next.ramp && !pieces_.empty()) {
      piece& last = pieces_.back();
      last.slope_s = (next.per_s - last.per_s) / seconds(last.begin_ns, next.at_ns);
    }
    pieces_.push_back({next.at_ns, next.per_s, 0});
  }
}

void curve::scale(std::int64_t from_ns, std::int64_t to_ns, double factor) {
  if (to_ns <= from_ns) return;
  cut(from_ns);
  if (to_ns != SLUICE_NEVER) cut(to_ns);
  for (piece& each : pieces_) {
    if (each.begin_ns < from_ns || each.begin_ns >= to_ns) continue;
    each.per_s *= factor;
    each.slope_s *= factor;
  }
}

void curve::cut(std::int64_t at_ns) {
  const std::size_t number = piece_of(at_ns);
  const piece within = pieces_[number];
  if (within.begin_ns == at_ns) return;
  pieces_.insert(
      pieces_.begin() + static_cast<std::ptrdiff_t>(number) + 1,
      {at_ns, within.per_s + within.slope_s * seconds(within.begin_ns, at_ns), within.slope_s});
}

std::size_t curve::piece_of(std::int64_t when_ns) const {
  const auto after =
      std::upper_bound(pieces_.begin(), pieces_.end(), when_ns,
                       [](std::int64_t when, const piece& each) { return when < each.begin_ns; });
  return after == pieces_.begin() ? 0 : static_cast<std::size_t>(after - pieces_.begin()) - 1;
}

std::int64_t curve::end_of(std::size_t number) const {
  return number + 1 < pieces_.size() ? pieces_[number + 1].begin_ns : SLUICE_NEVER;
}

double curve::at(std::int64_t when_ns) const {
  const piece& within = pieces_[piece_of(when_ns)];
  return within.per_s + within.slope_s * seconds(within.begin_ns, when_ns);
}

double curve::area(std::int64_t from_ns, std::int64_t to_ns) const {
  double sum = 0;
  for (std::size_t i = piece_of(from_ns); i < pieces_.size() && from_ns < to_ns; ++i) {
    const std::int64_t until = std::min(to_ns, end_of(i));
    const double length = seconds(from_ns, until);
    const double begins =
        pieces_[i].per_s + pieces_[i].slope_s * seconds(pieces_[i].begin_ns, from_ns);
    sum += length * (begins + pieces_[i].slope_s * length / 2);
    from_ns = until;
  }
  return sum;
}

std::int64_t curve::reach(std::int64_t from_ns, double amount) const {
  for (std::size_t i = piece_of(from_ns); i < pieces_.size(); ++i) {
    const std::int64_t end = end_of(i);
    const double begins =
        pieces_[i].per_s + pieces_[i].slope_s * seconds(pieces_[i].begin_ns, from_ns);
    const double within = time_for(amount, begins, pieces_[i].slope_s);
    if (within >= 0 && (end == SLUICE_NEVER || within <= seconds(from_ns, end)))
      return from_ns + std::llround(within * ns_per_s);
    if (end == SLUICE_NEVER) break;
    amount -= seconds(from_ns, end) * (begins + pieces_[i].slope_s * seconds(from_ns, end) / 2);
    from_ns = end;
  }
  return SLUICE_NEVER;
}

}  // namespace sluice::scenario
