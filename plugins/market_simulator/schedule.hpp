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
};

}  // namespace sluice::market_simulator
