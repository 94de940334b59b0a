// The level of one sink: a pure function of where it stood, what was measured, and the time.
#pragma once

#include "config/pipeline.hpp"

#include <cstdint>
#include <limits>
#include <string>

namespace sluice::levels {

/// A reason to be above HEALTHY.
struct signal {
  std::uint32_t level = SLUICE_HEALTHY;
  std::string cause;  ///< "ratio", "latency", "pending", "guard", a plugin's word, or "recovery"
  std::string text;   ///< for people: "latency 81.0 ms >= 50 ms"
};

struct sample {
  double ratio = 1;                ///< min(1, capacity / offered); 1 while capacity is unknown
  std::int64_t latency_ns = 0;     ///< p95 over a second, of calls that were answered
  std::int64_t unanswered_ns = 0;  ///< age of the oldest call that was not: it counts like latency
  std::uint64_t pending = 0;       ///< least of queued + unacknowledged within the slot
  bool guard_closed = true;        ///< false: CRITICAL
  signal contributed{};            ///< the worst of the plugins'
};

/// Where a sink stands.
struct standing {
  std::uint32_t level = SLUICE_HEALTHY;
  std::string cause, text;  ///< of what holds it there now; empty when HEALTHY

  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();
  std::int64_t better_since = never;  ///< all signals are beyond the level's exits
  std::int64_t fell_at = never;       ///< the last step down, if it was the last step
  std::int64_t calm_since = never;    ///< the last change, or the last time the hold was halved
  std::int64_t hold_ns = 0;           ///< how long it must be better for a step down; 0: the rows'
};

/// The worst of the signals, each by its own row to enter.
signal worst(const config::level_spec& rows, const sample& now);

/// Up at once, several levels in one step. Down one level at a time, after all signals were beyond
/// that level's exit for the whole hold. The first rise within `relapse` of a fall doubles the
/// hold, a quiet `relapse` halves it again.
standing advance(const config::level_spec& rows, standing from, const sample& seen,
                 std::int64_t now);

}  // namespace sluice::levels
