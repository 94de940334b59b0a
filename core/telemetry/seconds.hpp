// What is exported is in seconds.
#pragma once

#include <cstdint>

namespace sluice::telemetry {

constexpr double seconds(std::int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1e9;
}

}  // namespace sluice::telemetry
