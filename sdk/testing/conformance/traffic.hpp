// What cases hand to a stage.
#pragma once

#include "conformance/bench.hpp"

#include <cstdint>
#include <vector>

namespace sluice::testing::conformance {

/// Records of many keys, priorities, sizes and some flags; others with another `salt`.
std::vector<input> mixed(std::uint32_t count, std::uint32_t salt = 0);

sluice_pressure pressure_of(std::uint32_t level);

/// What a stage lives through: input if it takes any, and time.
void live(bench& on, harness& in, std::uint32_t rounds, std::uint32_t salt = 0);

/// It takes records.
bool takes_input(bench& on);

}  // namespace sluice::testing::conformance
