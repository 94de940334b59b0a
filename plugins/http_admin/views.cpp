#include "views.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace sluice::http_admin {

namespace json = boost::json;

namespace {

constexpr std::array levels{"HEALTHY", "WARNING", "CRITICAL", "OVERLOAD"};

std::string_view text(const object& of, std::string_view key) { return of.at(key).as_string(); }
double number(const object& of, std::string_view key) { return of.at(key).to_number<double>(); }

/// Members of the same name, those there are.
object some(const object& of, std::initializer_list<std::string_view> keys) {
  object made;
  for (const std::string_view key : keys)
    if (const json::value* found = of.if_contains(key)) made[key] = *found;
  return made;
}

template <typename Visit>
void each_of(const object& status, std::string_view kind, Visit&& visit) {
  for (const json::value& each : status.at("stages").as_array())
    if (text(each.as_object(), "kind") == kind) visit(each.as_object());
}

std::uint64_t dropped(const object& count) {
  std::uint64_t sum = 0;
  for (const auto& reason : count.at("dropped").as_object())
    sum += reason.value().to_number<std::uint64_t>();
  return sum;
}

/// Published over received of the last second; 1 if nothing was received.
double rate_ratio(const object& status) {
  const double received = number(status, "received_per_s");
  return received > 0 ? number(status, "published_per_s") / received : 1;
}

/// The sink whose p95 is the worst; null if there is none.
const object* slowest(const object& status) {
  const object* worst = nullptr;
  double most = -1;
  each_of(status, "sink", [&](const object& sink) {
    const double p95 = number(sink.at("latency").as_object(), "p95_s");
    if (p95 > most) most = p95, worst = &sink;
  });
  return worst;
}

object latency_ms(const object& of) {
  return {{"avg_ms", 1e3 * number(of, "mean_s")},
          {"p95_ms", 1e3 * number(of, "p95_s")},
          {"p99_ms", 1e3 * number(of, "p99_s")}};
}

json::value latency_of(const object& status) {
  const object* sink = slowest(status);
  return sink == nullptr ? json::value(nullptr) : latency_ms(sink->at("latency").as_object());
}

/// The queue a sink takes from: its own, or the one before its guard.
json::value queue_of(const object& status, const object& sink) {
  for (const json::value& each : status.at("stages").as_array())
    if (each.at("lane") == sink.at("lane") && each.as_object().contains("queue"))
      return each.at("queue");
  return nullptr;
}

/// What backpressure_monitor measured; null without one.
const object* monitor(const object& status) {
  const object* found = nullptr;
  each_of(status, "service", [&](const object& service) {
    if (text(service, "plugin") == "backpressure_monitor")
      found = &service.at("metrics").as_object();
  });
  return found;
}

}  // namespace

int level_number(std::string_view name) {
  const auto found = std::find(levels.begin(), levels.end(), name);
  return found == levels.end() ? 0 : static_cast<int>(found - levels.begin());
}

object backpressure_status(const object& status) {
  object sinks;
  each_of(status, "sink", [&](const object& sink) {
    sinks[text(sink, "name")] = some(sink, {"level", "level_cause", "demand"});
  });
  return {{"level", text(status, "level")},
          {"level_number", level_number(text(status, "level"))},
          {"cause", text(status, "level_cause")},
          {"ingestion_rate", status.at("received_per_s")},
          {"publish_rate", status.at("published_per_s")},
          {"rate_ratio", rate_ratio(status)},
          {"latency", latency_of(status)},
          {"pending", status.at("pending")},
          {"dropped_total", dropped(status.at("total").as_object())},
          {"sinks", std::move(sinks)}};
}

object backpressure_metrics(const object& status) {
  const object& total = status.at("total").as_object();
  object errors{{"failed_total", total.at("failed")}, {"unknown_total", total.at("unknown")}};
  object made{{"time", status.at("time")},
              {"backpressure_level", level_number(text(status, "level"))},
              {"ticks_received_per_sec", status.at("received_per_s")},
              {"ticks_published_per_sec", status.at("published_per_s")},
              {"rate_ratio", rate_ratio(status)},
              {"publish_latency", latency_of(status)},
              {"pending_publishes", status.at("pending")},
              {"dropped", total.at("dropped")},
              {"system", nullptr}};
  if (const object* measured = monitor(status)) {
    object system;
    for (const auto& each : *measured) {
      const std::string_view name = each.key();
      if (name.starts_with("memory_") || name.starts_with("cpu_")) system[name] = each.value();
      if (name.find("error") != std::string_view::npos) errors[name] = each.value();
    }
    made["system"] = std::move(system);
  }
  made["errors"] = std::move(errors);
  return made;
}

object circuit_breakers(const object& status) {
  constexpr std::array states{"CLOSED",   "OPEN",        "HALF_OPEN",
                              "DISABLED", "FORCED_OPEN", "METRICS_ONLY"};
  json::array all;
  each_of(status, "guard", [&](const object& guard) {
    object one = some(guard, {"name", "plugin", "bypassed"});
    const object& metrics = guard.at("metrics").as_object();
    const json::value* state = metrics.if_contains("state");
    const auto word = state == nullptr ? states.size() : state->to_number<std::size_t>();
    one["state"] = word < states.size() ? json::value(states[word]) : json::value(nullptr);
    one["refused_total"] = guard.at("count").at("dropped").at("circuit_open");
    one["metrics"] = metrics;
    all.push_back(std::move(one));
  });
  return {{"breakers", std::move(all)}};
}

object publisher_stats(const object& status) {
  json::array all;
  each_of(status, "sink", [&](const object& sink) {
    object one = some(sink, {"name", "plugin", "in_flight", "receivers", "level", "latency",
                             "latency_longer", "age", "demand", "metrics"});
    const object& count = sink.at("count").as_object();
    one["queue"] = queue_of(status, sink);
    one["published_total"] = count.at("published");
    one["failed_total"] = count.at("failed");
    one["unknown_total"] = count.at("unknown");
    one["dropped_total"] = dropped(count);
    one["publish_rate"] = sink.at("out_per_s");
    all.push_back(std::move(one));
  });
  return {{"publishers", std::move(all)}};
}

object health(const object& status) {
  const bool bad = level_number(text(status, "level")) >= 2;
  return {{"status", bad ? "degraded" : "ok"},
          {"backpressure",
           {{"level", text(status, "level")},
            {"ingestion_rate", status.at("received_per_s")},
            {"publish_rate", status.at("published_per_s")},
            {"pending", status.at("pending")}}}};
}

object pipeline(const object& status) {
  return some(status, {"pipeline", "file", "config_hash", "version", "phase", "time", "uptime_s",
                       "level", "level_cause", "received_per_s", "published_per_s", "pending",
                       "keys", "max_keys", "hung_stage", "stopped_by"});
}

object level(const object& status) {
  object made = some(status, {"level", "level_cause", "level_changes"});
  made["level_number"] = level_number(text(status, "level"));
  return made;
}

object ledger(const object& status) {
  json::array stages;
  for (const json::value& each : status.at("stages").as_array())
    stages.push_back(some(each.as_object(), {"name", "kind", "count", "held", "imbalance"}));
  object made = some(status, {"total", "held", "imbalance"});
  made["stages"] = std::move(stages);
  return made;
}

}  // namespace sluice::http_admin
