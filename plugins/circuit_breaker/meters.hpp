// The breaker's own metrics.
#pragma once

#include "breaker.hpp"

#include <sluice/ext/metrics.h>
#include <sluice/stage.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::circuit_breaker {

class meters {
 public:
  /// [control]
  explicit meters(host host)
      : host_{host}, table_{host.extension<sluice_metrics>(SLUICE_EXT_METRICS)} {
    if (table_ == nullptr) return;
    for (std::size_t i = 0; i < rows.size(); ++i)
      numbers_[i] =
          table_->add(host_.raw(), rows[i].kind, borrow(rows[i].name), borrow(rows[i].doc));
  }

  /// [lane] Hands over what changed.
  void publish(const breaker& of, time_point now) {
    if (table_ == nullptr) return;
    const tally& counted = of.counted();
    const auto count = [](std::uint64_t number) { return static_cast<double>(number); };
    const std::array<double, rows.size()> values{
        static_cast<double>(of.current()),
        count(counted.successful),
        count(counted.failed),
        count(counted.ignored),
        count(counted.slow),
        count(counted.not_permitted),
        count(counted.late),
        count(counted.transitions),
        count(counted.opened),
        std::chrono::duration<double>{of.open_time(now)}.count(),
        of.rates().failure_rate(),
        of.rates().slow_rate()};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (values[i] == published_[i]) continue;
      published_[i] = values[i];
      table_->set(host_.raw(), numbers_[i], values[i]);
    }
  }

 private:
  struct description {
    std::uint32_t kind;
    std::string_view name, doc;
  };
  static constexpr std::array<description, 12> rows{{
      {SLUICE_GAUGE, "state",
       "0 CLOSED, 1 OPEN, 2 HALF_OPEN, 3 DISABLED, 4 FORCED_OPEN, 5 METRICS_ONLY"},
      {SLUICE_COUNTER, "calls_successful", "Batches that were published"},
      {SLUICE_COUNTER, "calls_failed", "Batches that were not, and failed attempts to connect"},
      {SLUICE_COUNTER, "calls_ignored", "Calls refused for good: a fault of configuration"},
      {SLUICE_COUNTER, "calls_slow", "Calls that took longer than slow_call_duration"},
      {SLUICE_COUNTER, "calls_not_permitted", "Calls refused while open"},
      {SLUICE_COUNTER, "calls_late", "Calls that ended in another state than they were made in"},
      {SLUICE_COUNTER, "transitions", "Changes of state"},
      {SLUICE_COUNTER, "opened", "Times it opened"},
      {SLUICE_COUNTER, "open_seconds", "Seconds in OPEN and FORCED_OPEN, as of the last call"},
      {SLUICE_GAUGE, "failure_rate", "Share of failed calls in the window, as of the last call"},
      {SLUICE_GAUGE, "slow_call_rate", "Share of slow calls in the window, as of the last call"},
  }};

  host host_;
  const sluice_metrics* table_;
  std::array<std::uint32_t, rows.size()> numbers_{};
  std::array<double, rows.size()> published_{};
};

}  // namespace sluice::circuit_breaker
