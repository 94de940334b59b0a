// The level of one sink: a pure function of what was measured.
#pragma once

#include "config/pipeline.hpp"

#include <cstdint>
#include <string>

namespace sluice::levels {

struct sample {
  double ratio = 1;             ///< min(1, capacity / offered); 1 while capacity is unknown
  std::int64_t latency_ns = 0;  ///< p95 over a second, unanswered calls included
  std::uint64_t pending = 0;    ///< least of queued + unacknowledged within the slot
};

struct verdict {
  std::uint32_t level = SLUICE_HEALTHY;
  std::string cause;  ///< "latency 81.0 ms >= 50 ms"; empty when HEALTHY
};

/// The worst of the signals, each by its own row of `thresholds`.
verdict classify(const config::level_spec& thresholds, const sample& now);

}  // namespace sluice::levels
