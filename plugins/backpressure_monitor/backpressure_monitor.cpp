#include "backpressure_monitor.hpp"

#include <limits>

namespace sluice::backpressure_monitor {
namespace {

/// Fewer publishes in a second say nothing of the share that fails.
constexpr double attempts_min = 20;

double seconds(duration of) { return std::chrono::duration<double>{of}.count(); }

/// "_60s", "_1.5s".
std::string suffix_of(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "_%gs", seconds);
  return text;
}

}  // namespace

backpressure_monitor::backpressure_monitor(const config& given, host to)
    : settings_{given},
      host_{to},
      exporter_{to.extension<sluice_metrics>(SLUICE_EXT_METRICS)},
      spans_{{{window{1}, suffix_of(1)},
              {window{seconds(given.window)}, suffix_of(seconds(given.window))}}} {
  if (exporter_ == nullptr) return;
  each_metric([&](const std::string& name, const char* doc, double) {
    numbers_.push_back(exporter_->add(host_.raw(), SLUICE_GAUGE, borrow(name), borrow(doc)));
  });
}

void backpressure_monitor::validate(const config& given, problems& found) {
  given.error_rate().check(found);
  given.memory().check(found);
  given.cpu().check(found);
}

template <typename Visit>
void backpressure_monitor::each_metric(Visit&& visit) const {
  for (const span& each : spans_) {
    const window& over = each.over;
    const std::string& suffix = each.suffix;
    const auto rate = [&](const char* name, const char* doc, total of) {
      visit(name + suffix, doc, over.per_second(of));
    };
    rate("ingestion_rate", "Records received by the sources, a second.", total::received);
    rate("publish_rate", "Records published by the sinks, a second.", total::published);
    visit("rate_ratio" + suffix, "Published per received; 1 if nothing was.", over.rate_ratio());
    rate("dropped_policy_rate", "Records dropped intentionally, a second.", total::dropped_policy);
    rate("dropped_fault_rate", "Records dropped for other reasons, a second.",
         total::dropped_fault);
    rate("publish_failure_rate", "Publishes that failed, a second.", total::failed);
    rate("publish_unknown_rate", "Publishes never answered, a second.", total::unknown);
    rate("connection_error_rate", "Connections lost or not made, of sinks, a second.",
         total::connection_errors);
    visit("error_ratio" + suffix, "Share of the publishes that failed or were never answered.",
          over.error_ratio());
    visit("queue_depth_max" + suffix, "Most records pending of its readings.", over.pending_max());
    const double share = used_.cores > 0 ? over.per_second(total::cpu_seconds) / used_.cores : 0;
    visit("cpu_ratio" + suffix, "CPU time, as a share of what the process may use.", share);
  }
  const auto percentiles = [&](const latency& of, const std::string& suffix) {
    const std::string name = "publish_latency_";
    visit(name + "avg_seconds" + suffix, "Mean publish latency of the worst sink.", of.average);
    visit(name + "p50_seconds" + suffix, "Median of the same.", of.p50);
    visit(name + "p95_seconds" + suffix, "95 % of the same are not above.", of.p95);
    visit(name + "p99_seconds" + suffix, "99 % of the same are not above.", of.p99);
  };
  percentiles(seen_.latency_1s, spans_[0].suffix);
  percentiles(seen_.latency_longer, spans_[1].suffix);
  visit("queue_depth", "Records queued before sinks or unacknowledged.", seen_.pending);
  visit("memory_bytes", "Resident memory of the process.", used_.memory_bytes);
  visit("memory_limit_bytes", "Memory it may have.", used_.memory_limit_bytes);
  visit("memory_ratio", "Share of that memory.", used_.memory_ratio());
  visit("cpu_cores", "CPUs it may use at once.", used_.cores);
}

void backpressure_monitor::on_timer(time_point now) {
  host_.wake_at(now + settings_.interval);
  // Of its events there is no need.
  const auto document = host_.document("status", std::numeric_limits<std::uint64_t>::max());
  const std::optional<reading> got = document ? read(*document) : std::nullopt;
  if (!got) return host_.warn("the host gave no status that can be read; figures stand still");
  seen_ = *got;
  used_ = files_.read();
  at(seen_.total, total::cpu_seconds) = used_.cpu_seconds;
  for (span& each : spans_) each.over.add(seen_);
  publish();
}

void backpressure_monitor::publish() {
  std::size_t number = 0;
  each_metric([&](const std::string&, const char*, double value) {
    if (exporter_ != nullptr) exporter_->set(host_.raw(), numbers_[number++], value);
  });
  const window& recent = spans_[0].over;
  const window& longer = spans_[1].over;
  signal(settings_.error_rate(), recent.attempts() >= attempts_min ? recent.error_ratio() : 0);
  signal(settings_.memory(), used_.memory_ratio());
  const bool known = longer.full() && used_.cores > 0;
  signal(settings_.cpu(), known ? longer.per_second(total::cpu_seconds) / used_.cores : 0);
}

void backpressure_monitor::signal(const limits& by, double value) const {
  host_.signal(by.signal, by.at(value), by.cause(value));
}

}  // namespace sluice::backpressure_monitor

SLUICE_PLUGIN(sluice::backpressure_monitor::backpressure_monitor);
