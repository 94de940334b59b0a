#include "telemetry/metrics.hpp"

#include "telemetry/seconds.hpp"
#include "telemetry/summary.hpp"

#include <fmt/format.h>
#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <map>
#include <string_view>
#include <vector>

namespace sluice::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using labels = std::vector<ClientMetric::Label>;

/// Families in the order in which they first appeared.
class families {
 public:
  void counter(const std::string& name, const char* help, labels of, double value) {
    ClientMetric metric = labelled(std::move(of));
    metric.counter.value = value;
    family(name, help, MetricType::Counter).metric.push_back(std::move(metric));
  }
  void counter(const std::string& name, const char* help, labels of, std::uint64_t value) {
    counter(name, help, std::move(of), static_cast<double>(value));
  }
  void gauge(const std::string& name, const char* help, labels of, double value) {
    ClientMetric metric = labelled(std::move(of));
    metric.gauge.value = value;
    family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
  }
  void gauge(const std::string& name, const char* help, labels of, std::uint64_t value) {
    gauge(name, help, std::move(of), static_cast<double>(value));
  }
  void histogram(const std::string& name, const char* help, labels of,
                 const runtime::latency_histogram& value) {
    ClientMetric metric = labelled(std::move(of));
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < value.count.size(); ++i) {
      below += value.count[i];
      const bool last = i == runtime::latency_bounds_ns.size();
      metric.histogram.bucket.push_back({below, last ? std::numeric_limits<double>::infinity()
                                                     : seconds(runtime::latency_bounds_ns[i])});
    }
    metric.histogram.sample_count = below;
    metric.histogram.sample_sum = value.sum_s;
    family(name, help, MetricType::Histogram).metric.push_back(std::move(metric));
  }
  std::vector<MetricFamily> take() { return std::move(all_); }

 private:
  static ClientMetric labelled(labels of) {
    ClientMetric metric;
    metric.label = std::move(of);
    return metric;
  }
  MetricFamily& family(const std::string& name, const char* help, MetricType type) {
    const auto [at, is_new] = index_.emplace(name, all_.size());
    if (is_new) all_.push_back({name, help, type, {}});
    return all_[at->second];
  }
  std::vector<MetricFamily> all_;
  std::map<std::string, std::size_t> index_;
};

/// The requirement's names; its expressions work unchanged, so there are no labels.
void add_required(families& out, const runtime::snapshot& seen, const summary& all) {
  const std::string prefix = seen.metrics_prefix + "_";
  out.counter(prefix + "ticks_received_total", "Records received by the sources.", {},
              all.received);
  out.counter(prefix + "ticks_published_total", "Records published by the sinks.", {},
              all.published);
  out.counter(prefix + "ticks_dropped_total", "Records dropped, for any reason.", {}, all.dropped);
  out.histogram(prefix + "publish_latency_seconds",
                "From the first byte of a publish written to its reply.", {}, all.latencies);
  out.gauge(prefix + "pending_publishes", "Records queued before sinks or unacknowledged.", {},
            all.pending);
  out.gauge(prefix + "backpressure_level", "0 HEALTHY, 1 WARNING, 2 CRITICAL, 3 OVERLOAD.", {},
            std::uint64_t{seen.level});
  out.gauge(prefix + "ingestion_rate_per_sec", "Records received, over the last second.", {},
            all.received_per_s);
  out.gauge(prefix + "publish_rate_per_sec", "Records published, over the last second.", {},
            all.published_per_s);
  if (all.breaker)
    out.gauge(prefix + "circuit_breaker_state",
              "0 closed, 1 open, 2 half open, 3 disabled, 4 forced open, 5 metrics only.", {},
              *all.breaker);
}

void add_pipeline(families& out, const runtime::snapshot& seen) {
  const labels name{{"pipeline", seen.pipeline}};
  out.gauge("sluice_build_info", "The running version; always 1.", {{"version", SLUICE_VERSION}},
            1.0);
  out.gauge("sluice_pipeline_info", "The running configuration; always 1.",
            {{"pipeline", seen.pipeline}, {"config_hash", seen.config_hash}}, 1.0);
  for (const auto& [outcome, count] :
       {std::pair{"done", seen.changes_done}, std::pair{"refused", seen.changes_refused}})
    out.counter("sluice_changes_total", "Swaps and reloads since the start, by outcome.",
                {{"pipeline", seen.pipeline}, {"outcome", outcome}}, count);
  out.gauge("sluice_uptime_seconds", "Since the start.", name, seconds(seen.uptime_ns));
  out.gauge("sluice_phase", "0 starting, 1 running, 2 draining, 3 stopped.", name,
            static_cast<std::uint64_t>(seen.phase));
  out.gauge("sluice_level", "0 HEALTHY, 1 WARNING, 2 CRITICAL, 3 OVERLOAD.", name,
            std::uint64_t{seen.level});
  for (const runtime::level_changes& one : seen.changes)
    out.counter("sluice_level_transitions_total", "Times the level came to `to`, by cause.",
                {{"pipeline", seen.pipeline}, {"to", level_name(one.to)}, {"cause", one.cause}},
                one.count);
  out.gauge("sluice_pipeline_imbalance", "What the pipeline's ledger is off by; must read 0.", name,
            static_cast<double>(seen.imbalance));
  out.gauge("sluice_keys", "Different keys seen.", name, std::uint64_t{seen.keys});
  out.gauge("sluice_keys_max", "Most different keys that may be seen.", name,
            std::uint64_t{seen.max_keys});
  out.gauge("sluice_hung", "1 while a stage hangs.", name, seen.hung_stage.empty() ? 0.0 : 1.0);
}

void add_ledger(families& out, const runtime::stage_state& stage) {
  const labels of{{"stage", stage.name}};
  const runtime::counters& count = stage.count;
  out.counter("sluice_records_created_total", "Received by a source, or made by the stage.", of,
              count.created);
  out.counter("sluice_records_copied_total", "Of the created: copies for further edges.", of,
              count.copied);
  out.counter("sluice_records_in_total", "Handed to the stage.", of, count.in);
  out.counter("sluice_records_out_total", "Handed on by the stage.", of, count.out);
  out.counter("sluice_records_published_total", "Published by the sink.", of, count.published);
  out.counter("sluice_records_absorbed_total", "Absorbed in the stage's state.", of,
              count.absorbed);
  out.counter("sluice_records_failed_total", "Publishing them failed.", of, count.failed);
  out.counter("sluice_records_unknown_total", "Written, but never acknowledged.", of,
              count.unknown);
  for (std::uint32_t reason = 1; reason < SLUICE_DROP_REASONS; ++reason)
    out.counter("sluice_records_dropped_total", "Dropped, by reason; intentional ones are policy.",
                {{"stage", stage.name},
                 {"reason", runtime::reason_names[reason]},
                 {"intentional", runtime::intentional(reason) ? "true" : "false"}},
                count.dropped[reason]);
  out.gauge("sluice_records_held", "In the stage: queued, in its store, unacknowledged.", of,
            stage.held);
  out.gauge("sluice_imbalance", "What the stage's ledger is off by; must read 0.", of,
            static_cast<double>(stage.imbalance));
}

void add_queue(families& out, const runtime::stage_state& stage) {
  if (!stage.queue.present) return;
  const labels of{{"stage", stage.name}};
  out.gauge("sluice_queue_records", "Records in the queue before the stage.", of,
            stage.queue.depth);
  out.gauge("sluice_queue_records_max", "Most records in the queue.", of, stage.queue.capacity);
  out.gauge("sluice_queue_bytes", "Bytes in the queue before the stage.", of, stage.queue.bytes);
  out.gauge("sluice_queue_bytes_max", "Most bytes in the queue.", of, stage.queue.bytes_capacity);
  out.gauge("sluice_queue_oldest_seconds", "Age of the oldest record in the queue.", of,
            seconds(stage.queue.oldest_ns));
  out.counter("sluice_queue_priority_lost_total", "Records of priority 0 that the queue lost.", of,
              stage.queue.priority_lost);
}

void add_sink(families& out, const runtime::stage_state& stage) {
  if (stage.kind != "sink") return;
  const labels of{{"stage", stage.name}};
  const auto quantiles = [&](const std::string& name, const char* help,
                             const runtime::latency_state& of_all) {
    const auto one = [&](const char* share, std::int64_t value) {
      out.gauge(name, help, {{"stage", stage.name}, {"percentile", share}}, seconds(value));
    };
    one("50", of_all.p50_ns);
    one("95", of_all.p95_ns);
    one("99", of_all.p99_ns);
    one("100", of_all.max_ns);
  };
  quantiles("sluice_latency_seconds", "Publish latency over the last second.", stage.latency);
  quantiles("sluice_age_seconds", "Receipt to reply of a record, over the last second.", stage.age);
  out.histogram("sluice_publish_seconds", "Publish latency since the start.", of, stage.latencies);
  out.histogram("sluice_sink_age_seconds", "Receipt to reply of a record, since the start.", of,
                stage.ages);
  out.gauge("sluice_in_flight", "Records sent and unacknowledged.", of, stage.in_flight);
  out.gauge("sluice_receivers", "Readers that got the last publish.", of, stage.receivers);
  out.gauge("sluice_sink_offered_per_second",
            "What reached the sink and what was sampled or shed on the way, over a second.", of,
            stage.demand.offered_per_s);
  out.gauge("sluice_sink_capacity_per_second", "What the sink can take; 0: not known yet.", of,
            stage.demand.capacity_per_s);
  out.gauge("sluice_sink_ratio", "Capacity over offered, 1 at most.", of, stage.demand.ratio);
  out.gauge("sluice_sink_pending", "Least queued and unacknowledged in the last 100 ms.", of,
            stage.demand.pending);
  out.gauge("sluice_stage_level", "0 HEALTHY, 1 WARNING, 2 CRITICAL, 3 OVERLOAD.", of,
            std::uint64_t{stage.level});
}

void add_source(families& out, const runtime::stage_state& stage) {
  if (stage.kind != "source") return;
  out.gauge("sluice_feed_age_seconds", "Since the source last received a record, or began.",
            {{"stage", stage.name}}, seconds(stage.feed_age_ns));
}

void add_signals(families& out, const runtime::stage_state& stage) {
  for (const runtime::signal_state& one : stage.signals)
    out.gauge("sluice_signal_level", "What a plugin contributes to the level, while not HEALTHY.",
              {{"stage", stage.name}, {"signal", one.name}}, std::uint64_t{one.level});
}

void add_state(families& out, const runtime::stage_state& stage) {
  const labels of{{"stage", stage.name}};
  out.gauge("sluice_stage_info", "The stage's plugin; always 1.",
            {{"stage", stage.name},
             {"plugin", stage.plugin},
             {"version", stage.version},
             {"kind", stage.kind}},
            1.0);
  out.gauge("sluice_in_per_second", "Records in (a source: received), over the last second.", of,
            stage.rate_in_per_s);
  out.gauge("sluice_out_per_second", "Records out (a sink: published), over the last second.", of,
            stage.rate_out_per_s);
  out.gauge("sluice_lane_busy_ratio", "Share of its lane's time, over the last second.", of,
            stage.busy_share);
  out.counter("sluice_faults_total", "Faults of the stage's code.", of, stage.faults);
  out.gauge("sluice_stage_bypassed", "1 while the stage is bypassed.", of,
            stage.bypassed ? 1.0 : 0.0);
  out.gauge("sluice_stage_stopped", "1 when the stage was stopped.", of, stage.stopped ? 1.0 : 0.0);
}

/// A plugin's own name, with what a metric's name may not have replaced.
std::string plain(std::string_view name) {
  std::string made{name};
  for (char& c : made)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) c = '_';
  return made;
}

void add_own(families& out, const runtime::stage_state& stage) {
  for (const runtime::metric_value& one : stage.metrics) {
    std::string name = fmt::format("sluice_{}_{}", plain(stage.plugin), plain(one.name));
    const labels of{{"stage", stage.name}};
    if (one.kind == SLUICE_COUNTER) {
      if (!name.ends_with("_total")) name += "_total";
      out.counter(name, one.doc.c_str(), of, one.value);
    } else {
      out.gauge(name, one.doc.c_str(), of, one.value);
    }
  }
}

/// What prometheus-cpp asks for metrics.
class view_of_snapshot final : public prometheus::Collectable {
 public:
  explicit view_of_snapshot(const runtime::snapshot& seen) : seen_{seen} {}

  std::vector<MetricFamily> Collect() const override {
    families out;
    add_required(out, seen_, summarize(seen_));
    add_pipeline(out, seen_);
    for (const runtime::stage_state& stage : seen_.stages) {
      add_state(out, stage);
      add_ledger(out, stage);
      add_source(out, stage);
      add_queue(out, stage);
      add_sink(out, stage);
      add_signals(out, stage);
      add_own(out, stage);
    }
    return out.take();
  }

 private:
  const runtime::snapshot& seen_;
};

}  // namespace

std::string prometheus_text(const runtime::snapshot& seen) {
  return prometheus::TextSerializer{}.Serialize(view_of_snapshot{seen}.Collect());
}

}  // namespace sluice::telemetry
