// Figures of the whole pipeline that several views share.
#pragma once

#include "runtime/snapshot.hpp"

#include <cstdint>
#include <optional>

namespace sluice::telemetry {

struct summary {
  std::uint64_t received = 0;  ///< by the sources
  std::uint64_t published = 0, dropped = 0;
  std::uint64_t pending = 0;  ///< queued before sinks, and unacknowledged
  double received_per_s = 0, published_per_s = 0;
  runtime::latency_state latency;        ///< the worst sink's
  runtime::latency_histogram latencies;  ///< all sinks'
  std::optional<double>
      breaker;  ///< the worst guard's `state`: 0 closed, 1 open, 2 half open, 4 forced open
  std::uint64_t faults = 0;
};

summary summarize(const runtime::snapshot& seen);

/// "HEALTHY" ... "OVERLOAD".
const char* level_name(std::uint32_t level);
const char* phase_name(runtime::phase phase);

}  // namespace sluice::telemetry
