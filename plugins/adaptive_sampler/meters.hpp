// The sampler's own metrics.
#pragma once

#include <sluice/meters.hpp>

#include <array>
#include <cstdint>

namespace sluice::adaptive_sampler {

enum class meter : std::uint8_t {
  keep_ratio,
  keep_ratio_low,
  fair_share_per_second,
  sampled_normal,
  sampled_low
};

inline constexpr std::array meter_rows{
    gauge(meter::keep_ratio, "keep_ratio",
          "Part of the records of priority 1 and 2 that is kept now."),
    gauge(meter::keep_ratio_low, "keep_ratio_low",
          "Part of the records of priority 2 that is kept now."),
    gauge(meter::fair_share_per_second, "fair_share_per_second",
          "Records of priority 1 a second up to which an instrument is kept whole; 0 while no fair "
          "share is in force."),
    counter(meter::sampled_normal, "sampled_normal",
            "Records of priority 1 that were sampled out."),
    counter(meter::sampled_low, "sampled_low", "Records of priority 2 that were sampled out.")};
using meters = sluice::meters<meter_rows>;

}  // namespace sluice::adaptive_sampler
