#include "telemetry/status.hpp"

#include "telemetry/log.hpp"
#include "telemetry/seconds.hpp"
#include "telemetry/summary.hpp"

#include <boost/json.hpp>

namespace sluice::telemetry {
namespace {

namespace json = boost::json;

json::object ledger(const runtime::counters& count) {
  json::object dropped;
  for (std::uint32_t reason = 1; reason < SLUICE_DROP_REASONS; ++reason)
    dropped[runtime::reason_names[reason]] = count.dropped[reason];
  return {
      {"created", count.created}, {"copied", count.copied},       {"in", count.in},
      {"out", count.out},         {"published", count.published}, {"absorbed", count.absorbed},
      {"failed", count.failed},   {"unknown", count.unknown},     {"dropped", std::move(dropped)}};
}

json::object latency(const runtime::latency_state& state) {
  return {{"mean_s", seconds(state.mean_ns)},
          {"p50_s", seconds(state.p50_ns)},
          {"p95_s", seconds(state.p95_ns)},
          {"p99_s", seconds(state.p99_ns)},
          {"max_s", seconds(state.max_ns)}};
}

/// As Prometheus has it: each bucket counts what is at most `le_s`, the last, without, everything.
json::object histogram(const runtime::latency_histogram& state) {
  json::array buckets;
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < state.count.size(); ++i) {
    below += state.count[i];
    json::object bucket{{"count", below}};
    if (i < runtime::latency_bounds_ns.size())
      bucket["le_s"] = seconds(runtime::latency_bounds_ns[i]);
    buckets.push_back(std::move(bucket));
  }
  return {{"sum_s", state.sum_s}, {"buckets", std::move(buckets)}};
}

json::object queue(const runtime::queue_state& state) {
  return {{"records", state.depth},
          {"records_max", state.capacity},
          {"bytes", state.bytes},
          {"bytes_max", state.bytes_capacity},
          {"oldest_s", seconds(state.oldest_ns)},
          {"priority_lost", state.priority_lost},
          {"when_full", state.policy}};
}

json::object demand(const runtime::demand_state& state) {
  return {{"offered_per_s", state.offered_per_s},
          {"capacity_per_s", state.capacity_per_s},
          {"ratio", state.ratio},
          {"pending", state.pending}};
}

json::array signals(const std::vector<runtime::signal_state>& of) {
  json::array made;
  for (const runtime::signal_state& one : of)
    made.push_back({{"name", one.name}, {"level", level_name(one.level)}, {"cause", one.cause}});
  return made;
}

json::array level_changes(const std::vector<runtime::level_changes>& of) {
  json::array made;
  for (const runtime::level_changes& one : of)
    made.push_back({{"to", level_name(one.to)}, {"cause", one.cause}, {"count", one.count}});
  return made;
}

json::object stage(const runtime::stage_state& state) {
  json::object made{{"name", state.name},
                    {"plugin", state.plugin},
                    {"version", state.version},
                    {"kind", state.kind},
                    {"lane", state.lane},
                    {"count", ledger(state.count)},
                    {"held", state.held},
                    {"imbalance", state.imbalance},
                    {"in_per_s", state.rate_in_per_s},
                    {"out_per_s", state.rate_out_per_s},
                    {"lane_busy", state.busy_share},
                    {"faults", state.faults},
                    {"bypassed", state.bypassed},
                    {"stopped", state.stopped}};
  if (state.kind == "source") made["feed_age_s"] = seconds(state.feed_age_ns);
  if (state.queue.present) made["queue"] = queue(state.queue);
  if (state.kind == "sink") {
    made["in_flight"] = state.in_flight;
    made["latency"] = latency(state.latency);
    made["latency_longer"] = latency(state.latency_longer);
    made["age"] = latency(state.age);
    made["age_longer"] = latency(state.age_longer);
    made["ages"] = histogram(state.ages);
    made["demand"] = demand(state.demand);
    made["receivers"] = state.receivers;
    made["level"] = level_name(state.level);
    made["level_cause"] = state.level_cause;
  }
  made["signals"] = signals(state.signals);
  json::object metrics;
  for (const runtime::metric_value& one : state.metrics) metrics[one.name] = one.value;
  made["metrics"] = std::move(metrics);
  return made;
}

json::array event_list(const std::vector<runtime::event>& events) {
  json::array made;
  for (const runtime::event& one : events)
    made.push_back({{"number", one.number},
                    {"time", utc(one.unix_ns)},
                    {"severity", severity_name(one.severity)},
                    {"stage", one.stage},
                    {"kind", one.kind},
                    {"message", one.message}});
  return made;
}

}  // namespace

std::string status_json(const runtime::snapshot& seen, const std::vector<runtime::event>& events) {
  const summary all = summarize(seen);
  json::array stages;
  for (const runtime::stage_state& state : seen.stages) stages.push_back(stage(state));
  return json::serialize(json::object{
      {"pipeline", seen.pipeline},
      {"file", seen.file},
      {"config_hash", seen.config_hash},
      {"changes", json::object{{"done", seen.changes_done}, {"refused", seen.changes_refused}}},
      {"version", SLUICE_VERSION},
      {"phase", phase_name(seen.phase)},
      {"time", utc(seen.unix_ns)},
      {"uptime_s", seconds(seen.uptime_ns)},
      {"window_s", seconds(seen.window_ns)},
      {"level", level_name(seen.level)},
      {"level_cause", seen.level_cause},
      {"level_changes", level_changes(seen.changes)},
      {"received_per_s", all.received_per_s},
      {"published_per_s", all.published_per_s},
      {"pending", all.pending},
      {"keys", seen.keys},
      {"max_keys", seen.max_keys},
      {"stopped_by", seen.stopped_by},
      {"hung_stage", seen.hung_stage},
      {"total", ledger(seen.total)},
      {"held", seen.held},
      {"imbalance", seen.imbalance},
      {"stages", std::move(stages)},
      {"events", event_list(events)}});
}

std::string events_json(const std::vector<runtime::event>& events) {
  return json::serialize(json::object{{"events", event_list(events)}});
}

}  // namespace sluice::telemetry
