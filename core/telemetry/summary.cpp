#include "telemetry/summary.hpp"

#include <algorithm>
#include <array>

namespace sluice::telemetry {
namespace {

// Of a guard's metric `state`; in all others every call passes.
constexpr double open = 1, half_open = 2, forced_open = 4;

/// Open, by itself or forced, is worse than half open, half open worse than closed.
int badness(double state) {
  return state == open || state == forced_open ? 2 : state == half_open ? 1 : 0;
}

void add_sink(summary& all, const runtime::stage_state& sink) {
  all.pending += sink.in_flight;
  all.published_per_s += sink.rate_out_per_s;
  if (sink.latency.p95_ns >= all.latency.p95_ns) all.latency = sink.latency;
  for (std::size_t i = 0; i < sink.latencies.count.size(); ++i)
    all.latencies.count[i] += sink.latencies.count[i];
  all.latencies.sum_s += sink.latencies.sum_s;
}

void add_guard(summary& all, const runtime::stage_state& guard) {
  for (const runtime::metric_value& one : guard.metrics)
    if (one.name == "state" && (!all.breaker || badness(one.value) > badness(*all.breaker)))
      all.breaker = one.value;
}

}  // namespace

summary summarize(const runtime::snapshot& seen) {
  summary all;
  all.published = seen.total.published;
  all.dropped = seen.total.dropped_total();
  for (const runtime::stage_state& stage : seen.stages) {
    all.faults += stage.faults;
    if (stage.kind == "source") {
      all.received += stage.count.created - stage.count.copied;
      all.received_per_s += stage.rate_in_per_s;
    }
    if (stage.kind == "sink") add_sink(all, stage);
    if (stage.kind == "guard") add_guard(all, stage);
    // The queue before a guarded sink is its guard's.
    if (stage.kind == "sink" || stage.kind == "guard") all.pending += stage.queue.depth;
  }
  return all;
}

const char* level_name(std::uint32_t level) {
  constexpr std::array names = {"HEALTHY", "WARNING", "CRITICAL", "OVERLOAD"};
  return names[std::min<std::uint32_t>(level, SLUICE_OVERLOAD)];
}

const char* phase_name(runtime::phase phase) {
  constexpr std::array names = {"starting", "running", "draining", "stopped"};
  return names[std::min<std::size_t>(static_cast<std::size_t>(phase), names.size() - 1)];
}

}  // namespace sluice::telemetry
