// market_simulator/schedule.hpp - how many ticks are due when.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sluice::market_simulator {

/// A rate that begins `burst` times as high and falls in a straight line to itself.
struct schedule {
  double rate = 1;     ///< ticks a second
  double burst = 1;    ///< times the rate at the opening
  double burst_s = 0;  ///< seconds until it is over

  /// Ticks due from the opening until `seconds` after it.
  std::uint64_t due(double seconds) const {
    double made = rate * seconds;
    if (burst_s > 0) {
      const double t = std::min(seconds, burst_s);
      made += rate * (burst - 1) * (t - t * t / (2 * burst_s));
    }
    return static_cast<std::uint64_t>(made);
  }
  /// The schedule from `seconds` on, at another rate: what is left of the opening calms down as it
  /// would have.
  schedule from(double seconds, double new_rate) const {
    if (seconds >= burst_s) return {new_rate, 1, 0};
    return {new_rate, burst - (burst - 1) * seconds / burst_s, burst_s - seconds};
  }
};

}  // namespace sluice::market_simulator
