// The breaker's own metrics.
#pragma once

#include "breaker.hpp"

#include <sluice/meters.hpp>

#include <array>
#include <chrono>
#include <cstdint>

namespace sluice::circuit_breaker {

enum class meter : std::uint8_t {
  state,
  calls_successful,
  calls_failed,
  calls_ignored,
  calls_slow,
  calls_not_permitted,
  calls_late,
  transitions,
  opened,
  open_seconds,
  failure_rate,
  slow_call_rate
};

inline constexpr std::array meter_rows{
    gauge(meter::state, "state",
          "0 CLOSED, 1 OPEN, 2 HALF_OPEN, 3 DISABLED, 4 FORCED_OPEN, 5 METRICS_ONLY"),
    counter(meter::calls_successful, "calls_successful", "Batches that were published"),
    counter(meter::calls_failed, "calls_failed",
            "Batches that were not, and failed attempts to connect"),
    counter(meter::calls_ignored, "calls_ignored",
            "Calls refused for good: a fault of configuration"),
    counter(meter::calls_slow, "calls_slow", "Calls that took longer than slow_call_duration"),
    counter(meter::calls_not_permitted, "calls_not_permitted", "Calls refused while open"),
    counter(meter::calls_late, "calls_late",
            "Calls that ended in another state than they were made in"),
    counter(meter::transitions, "transitions", "Changes of state"),
    counter(meter::opened, "opened", "Times it opened"),
    counter(meter::open_seconds, "open_seconds",
            "Seconds in OPEN and FORCED_OPEN, as of the last call"),
    gauge(meter::failure_rate, "failure_rate",
          "Share of failed calls in the window, as of the last call"),
    gauge(meter::slow_call_rate, "slow_call_rate",
          "Share of slow calls in the window, as of the last call")};
using meters = sluice::meters<meter_rows>;

/// [lane] Hands over how the breaker stands.
inline void publish(meters& to, const breaker& of, time_point now) {
  const tally& counted = of.counted();
  to[meter::state] = static_cast<double>(of.current());
  to[meter::calls_successful] = static_cast<double>(counted.successful);
  to[meter::calls_failed] = static_cast<double>(counted.failed);
  to[meter::calls_ignored] = static_cast<double>(counted.ignored);
  to[meter::calls_slow] = static_cast<double>(counted.slow);
  to[meter::calls_not_permitted] = static_cast<double>(counted.not_permitted);
  to[meter::calls_late] = static_cast<double>(counted.late);
  to[meter::transitions] = static_cast<double>(counted.transitions);
  to[meter::opened] = static_cast<double>(counted.opened);
  to[meter::open_seconds] = std::chrono::duration<double>{of.open_time(now)}.count();
  to[meter::failure_rate] = of.rates().failure_rate();
  to[meter::slow_call_rate] = of.rates().slow_rate();
  to.publish();
}

}  // namespace sluice::circuit_breaker
