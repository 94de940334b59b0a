// What the whole pipeline looked like at one moment: read by the level, the metrics, the control
// socket and the final balance. Plain data, copied.
#pragma once

#include <sluice/abi.h>
#include <sluice/ext/metrics.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::runtime {

/// Names of the drop reasons, by SLUICE_DROP_*. "" for 0.
extern const std::array<const char*, SLUICE_DROP_REASONS> reason_names;
/// Whether a reason is policy (intentional) or fault.
bool intentional(std::uint32_t reason);

/// One stage's side of the ledger:
///   created + in = out + published + absorbed + sum(dropped) + failed + unknown + held
struct counters {
  std::uint64_t created = 0;  ///< received (source), emitted (transform), copied on extra edges
  std::uint64_t copied = 0;   ///< of `created`: copies for further edges
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  std::uint64_t published = 0;
  std::uint64_t absorbed = 0;
  std::uint64_t failed = 0;
  std::uint64_t unknown = 0;
  std::array<std::uint64_t, SLUICE_DROP_REASONS> dropped{};

  std::uint64_t dropped_total() const;
  /// created + in - everything that left: what ought to be held.
  std::int64_t balance() const;
  counters& operator+=(const counters& other);
};

struct queue_state {
  bool present = false;
  std::uint64_t depth = 0, capacity = 0;  ///< records
  std::uint64_t bytes = 0, bytes_capacity = 0;
  std::int64_t oldest_ns = 0;       ///< age
  std::uint64_t priority_lost = 0;  ///< records of priority 0 that it dropped
  const char* policy = "";
};

/// Of a window. p95 is the largest if there are fewer than 20.
struct latency_state {
  std::int64_t mean_ns = 0, p50_ns = 0, p95_ns = 0, p99_ns = 0, max_ns = 0;
};

/// Upper bounds of latency_histogram's buckets.
inline constexpr std::array<std::int64_t, 16> latency_bounds_ns = {
    100'000,     250'000,       500'000,       1'000'000,    2'500'000,   5'000'000,
    10'000'000,  25'000'000,    50'000'000,    100'000'000,  200'000'000, 250'000'000,
    500'000'000, 1'000'000'000, 2'500'000'000, 5'000'000'000};
/// Since the start. The last bucket counts what is above all bounds.
struct latency_histogram {
  std::array<std::uint64_t, latency_bounds_ns.size() + 1> count{};
  double sum_s = 0;
};

struct metric_value {
  std::string name, doc;
  std::uint32_t kind = SLUICE_COUNTER;
  double value = 0;
};

/// What is asked of a sink, and what it can take.
struct demand_state {
  double offered_per_s = 0;   ///< what reached it, and what was sampled or shed on the way
  double capacity_per_s = 0;  ///< 0: not known yet
  double ratio = 1;           ///< min(1, capacity / offered)
  std::uint64_t pending = 0;  ///< least of queued + unacknowledged in the last 100 ms
};

/// A plugin's own contribution to the level.
struct signal_state {
  std::string name;
  std::uint32_t level = SLUICE_HEALTHY;
  std::string cause;
};

struct stage_state {
  std::string name, plugin, version, kind;
  std::uint32_t lane = 0;
  counters count;
  std::uint64_t held = 0;       ///< real occupancy: queue, in hand, store, unacknowledged
  std::uint64_t in_flight = 0;  ///< sink: sent and unacknowledged
  std::int64_t imbalance = 0;   ///< count.balance() - held; must read 0
  queue_state queue;
  latency_state age, age_longer;          ///< sink: receipt to reply, per published record
  latency_state latency, latency_longer;  ///< sink: first byte written to reply, per call
  latency_histogram latencies;            ///< sink: as `latency`, since the start, per record
  latency_histogram ages;                 ///< sink: as `age`, since the start
  demand_state demand;                    ///< sink
  std::uint64_t receivers = 0;            ///< sink: as of the last report
  std::int64_t feed_age_ns = 0;           ///< source: since it last received, or began; to 100 ms
  double rate_in_per_s = 0, rate_out_per_s = 0;  ///< over the last second
  double busy_share = 0;                         ///< of its lane's time over the last second
  std::uint64_t faults = 0;
  bool bypassed = false, stopped = false;
  std::uint32_t level = SLUICE_HEALTHY;  ///< sink
  std::string level_cause;               ///< sink: "latency p95 81 ms >= 50 ms"
  std::vector<signal_state> signals;     ///< those above HEALTHY
  std::vector<metric_value> metrics;
};

/// How often the pipeline's level came to `to` because of `cause`.
struct level_changes {
  std::uint32_t to = SLUICE_HEALTHY;
  std::string cause;  ///< "ratio", "latency", "pending", "guard", a signal's name; "recovery" down
  std::uint64_t count = 0;
};

enum class phase : std::uint8_t { starting, running, draining, stopped };

struct snapshot {
  std::string pipeline, file, config_hash;
  std::string metrics_prefix = "ticker";  ///< of the names without labels
  enum phase phase = phase::starting;
  std::int64_t now_ns = 0, uptime_ns = 0, unix_ns = 0;
  std::int64_t window_ns = 60'000'000'000;  ///< of stages' `_longer`; the others' is 1 s
  std::uint32_t level = SLUICE_HEALTHY;
  std::string level_cause;
  std::vector<level_changes> changes;
  counters total;  ///< inner edges cancelled
  std::uint64_t held = 0;
  std::int64_t imbalance = 0;
  std::uint32_t keys = 0, max_keys = 0;
  std::uint64_t changes_done = 0, changes_refused = 0;  ///< swaps and reloads since the start
  std::string stopped_by;  ///< the stage whose fault ended the pipeline, else empty
  std::string hung_stage;  ///< named by the watchdog, else empty
  std::vector<stage_state> stages;
};

struct event {
  std::uint64_t number = 0;  ///< from 1, without gaps
  std::int64_t unix_ns = 0;
  std::uint32_t severity = SLUICE_INFO;
  std::string stage, kind, message;
};

}  // namespace sluice::runtime
