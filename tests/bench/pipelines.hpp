// What plugins cost a record, in small pipelines stepped by hand.
#pragma once

#include <sluice/abi.h>

#include <string>
#include <vector>

namespace bench {

/// By name; those of stages.hpp, or plugins of the search path.
using stage_names = std::vector<std::string>;

/// HEALTHY, nothing pending.
inline constexpr sluice_pressure no_pressure{sizeof(sluice_pressure), SLUICE_HEALTHY, 0, 0, 0, 0};

/// Nanoseconds a record from its push in a batch of 64 through `between` to a drop, all in one
/// lane. Throws std::runtime_error if a plugin cannot be loaded.
double lane_cost(const stage_names& between, const sluice_pressure& seen = no_pressure);

/// Nanoseconds a record from its push through a queue and `guard` to a sink that takes 64 a call.
double sink_cost(const stage_names& guard);

}  // namespace bench
