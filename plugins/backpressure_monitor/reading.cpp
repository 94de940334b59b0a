#include "reading.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace sluice::backpressure_monitor {
namespace {

namespace json = boost::json;

/// The member of an object; null if it is none or has no such member.
const json::value* member(const json::value* of, std::string_view name) {
  return of != nullptr && of->is_object() ? of->get_object().if_contains(name) : nullptr;
}

double number(const json::value* value) {
  if (value == nullptr || !value->is_number()) return 0;
  return value->to_number<double>();
}

double number(const json::value* of, std::string_view name) { return number(member(of, name)); }

/// As of the contract's closed list of reasons: policy, not fault.
bool intentional(std::string_view reason) {
  static constexpr std::array<std::string_view, 6> policies{"sampled",  "shed",      "circuit_open",
                                                            "overflow", "conflated", "expired"};
  return std::find(policies.begin(), policies.end(), reason) != policies.end();
}

void take_totals(totals& into, const json::value* count) {
  at(into, total::published) = number(count, "published");
  at(into, total::failed) = number(count, "failed");
  at(into, total::unknown) = number(count, "unknown");
  const json::value* dropped = member(count, "dropped");
  if (dropped == nullptr || !dropped->is_object()) return;
  for (const json::key_value_pair& each : dropped->get_object())
    at(into, intentional(each.key()) ? total::dropped_policy : total::dropped_fault) +=
        number(&each.value());
}

void take_worst(latency& into, const json::value* of) {
  if (number(of, "p95_s") < into.p95) return;
  into = {number(of, "mean_s"), number(of, "p50_s"), number(of, "p95_s"), number(of, "p99_s")};
}

void take_stage(reading& into, const json::value* stage) {
  const json::value* kind = member(stage, "kind");
  if (kind == nullptr || !kind->is_string()) return;
  if (kind->get_string() == "source") {
    const json::value* count = member(stage, "count");
    at(into.total, total::received) += number(count, "created") - number(count, "copied");
  }
  if (kind->get_string() != "sink") return;
  const json::value* metrics = member(stage, "metrics");
  at(into.total, total::connection_errors) +=
      number(metrics, "connect_failures") + number(metrics, "reconnects");
  take_worst(into.latency_1s, member(stage, "latency"));
  take_worst(into.latency_longer, member(stage, "latency_longer"));
}

}  // namespace

std::optional<reading> read(std::string_view status) {
  boost::system::error_code failed;
  const json::value document = json::parse({status.data(), status.size()}, failed);
  if (failed || member(&document, "uptime_s") == nullptr) return std::nullopt;
  reading made;
  made.at_s = number(&document, "uptime_s");
  made.pending = number(&document, "pending");
  take_totals(made.total, member(&document, "total"));
  const json::value* stages = member(&document, "stages");
  if (stages != nullptr && stages->is_array())
    for (const json::value& each : stages->get_array()) take_stage(made, &each);
  return made;
}

}  // namespace sluice::backpressure_monitor
