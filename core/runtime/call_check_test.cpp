// Host calls made where abi.h does not allow them: nothing is done, and each is blamed by name.
#include "runtime/test_rig.hpp"

#include <sluice/ext/attributes.h>
#include <sluice/ext/metrics.h>
#include <sluice/ext/resolver.h>
#include <sluice/ext/signals.h>

#include <string_view>
#include <thread>

namespace call_check_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

namespace {

template <typename Table>
const Table& table(const sluice_host* host, const char* id) {
  return *static_cast<const Table*>(host->extension(host, borrow(id)));
}

struct host_call {
  const char* name;
  const char* place;  ///< where abi.h allows it
  bool (*refused)(const sluice_host*);
};

const char* const in_lane = "its stage's lane";
constexpr std::uint64_t none = 0;

const host_call every_call[] = {
    {"schema", "calls of its stage",
     [](const sluice_host* host) { return host->schema(host, borrow("test/1")) == 0; }},
    {"secret", "calls of its stage",
     [](const sluice_host* host) {
       char text[64];
       sluice_text out{text, sizeof text, 0};
       return host->secret(host, 1, &out) == SLUICE_INVALID;
     }},
    {"wake_at", in_lane, [](const sluice_host* host) { return host->wake_at(host, 1), true; }},
    {"push", in_lane,
     [](const sluice_host* host) { return host->push(host, nullptr, 0) == SLUICE_INVALID; }},
    {"discard", in_lane,
     [](const sluice_host* host) {
       return host->discard(host, SLUICE_DROP_MALFORMED, 1) == SLUICE_INVALID;
     }},
    {"emit", in_lane,
     [](const sluice_host* host) {
       const record made{};
       return host->emit(host, &made, 0) == SLUICE_INVALID;
     }},
    {"hold", in_lane,
     [](const sluice_host* host) {
       std::uint64_t handle = none;
       return host->hold(host, 0, &handle) == SLUICE_INVALID;
     }},
    {"held", in_lane, [](const sluice_host* host) { return host->held(host, 1) == nullptr; }},
    {"release", in_lane,
     [](const sluice_host* host) { return host->release(host, 1, 0, 0) == SLUICE_INVALID; }},
    {"drop_held", in_lane,
     [](const sluice_host* host) {
       return host->drop_held(host, 1, SLUICE_DROP_SHED) == SLUICE_INVALID;
     }},
    {"report", in_lane,
     [](const sluice_host* host) {
       const sluice_outcome outcome{};
       return host->report(host, &outcome) == SLUICE_INVALID;
     }},
    {"attributes.publish", "calls of its stage",
     [](const sluice_host* host) {
       return table<sluice_attributes>(host, SLUICE_EXT_ATTRIBUTES)
                  .publish(host, nullptr, 0, nullptr, 0) == SLUICE_INVALID;
     }},
    {"attributes.generation", in_lane,
     [](const sluice_host* host) {
       return table<sluice_attributes>(host, SLUICE_EXT_ATTRIBUTES).generation(host) == 0;
     }},
    {"attributes.get", in_lane,
     [](const sluice_host* host) {
       return table<sluice_attributes>(host, SLUICE_EXT_ATTRIBUTES)
                  .get(host, 0, borrow("parity"))
                  .size == 0;
     }},
    {"metrics.add", "create",
     [](const sluice_host* host) {
       return table<sluice_metrics>(host, SLUICE_EXT_METRICS)
                  .add(host, SLUICE_GAUGE, borrow("late"), borrow("Too late.")) == UINT32_MAX;
     }},
    {"metrics.set", in_lane,
     [](const sluice_host* host) {
       return table<sluice_metrics>(host, SLUICE_EXT_METRICS).set(host, 0, 1), true;
     }},
    {"signals.set", in_lane,
     [](const sluice_host* host) {
       return table<sluice_signals>(host, SLUICE_EXT_SIGNALS)
                  .set(host, borrow("memory"), SLUICE_WARNING, borrow("91 %")) == SLUICE_INVALID;
     }},
    {"resolver.begin", in_lane,
     [](const sluice_host* host) {
       return table<sluice_resolver>(host, SLUICE_EXT_RESOLVER).begin(host, borrow("name")) == 0;
     }},
    {"resolver.result", in_lane,
     [](const sluice_host* host) {
       char text[64];
       sluice_text out{text, sizeof text, 0};
       return table<sluice_resolver>(host, SLUICE_EXT_RESOLVER).result(host, 1, &out) ==
              SLUICE_INVALID;
     }},
    {"control.read", in_lane,
     [](const sluice_host* host) {
       return table<sluice_control>(host, SLUICE_EXT_CONTROL)
                  .read(
                      host, borrow("status"), 0, [](void*, sluice_str) {}, nullptr) ==
              SLUICE_INVALID;
     }},
    {"control.command", in_lane,
     [](const sluice_host* host) {
       char text[64];
       sluice_text out{text, sizeof text, 0};
       std::uint64_t operation = 0;
       return table<sluice_control>(host, SLUICE_EXT_CONTROL)
                  .command(host, borrow("{}"), &operation, &out) == SLUICE_INVALID;
     }},
};

/// A service has every extension; the checks come before what a kind may do.
struct misused : rig {
  misused() {
    add("source", source);
    add("sink", sink, {"source"});
    add("service", service);
    build();
    host = plays["service"].host->raw();
  }
  const sluice_host* host = nullptr;
};

std::string blame(const host_call& of, const char* made) {
  return std::string{"fault: "} + of.name + " is for " + of.place + ", and was called " + made;
}

}  // namespace

TEST_CASE("a call on a thread that is in no call of the stage") {
  misused on;
  std::uint64_t faults = 0;
  for (const host_call& each : every_call) {
    INFO(each.name);
    bool refused = false;
    std::thread{[&] { refused = each.refused(on.host); }}.join();
    CHECK(refused);
    on.run->advance(ms);
    CHECK(on.last_event("service") ==
          blame(each, "on another thread, or between two calls of the stage"));
    CHECK(on.state("service").faults == ++faults);
  }
  CHECK(on.state("service").metrics.empty());
  CHECK(on.state("service").signals.empty());
  on.check_balance();
}

TEST_CASE("a call in create that is for the lane, and one in the lane that is for create") {
  misused on;
  const plugin_object& object = on.run->running().find("service")->object();
  const std::string_view too_early =
      "too early or too late: in create, self_test, import_state or destroy";
  for (const host_call& each : every_call) {
    INFO(each.name);
    if (each.place == in_lane) {
      const call_scope here{object, call_scope::tag::control};
      CHECK(each.refused(on.host));
      CHECK(on.last_event("service") == blame(each, too_early.data()));
    } else if (std::string_view{each.place} == "create") {
      const call_scope here{object, call_scope::tag::lane};
      CHECK(each.refused(on.host));
      CHECK(on.last_event("service") == blame(each, "too late: in the lane"));
    }
  }
}

TEST_CASE("a call of another stage's host is none of this stage's") {
  misused on;
  const call_scope here = on.in_call("sink");
  on.host->wake_at(on.host, 1);
  CHECK(on.last_event("service").find("wake_at is for its stage's lane") != std::string::npos);
  CHECK(on.last_event("sink").empty());
}

TEST_CASE("the same call again and again is counted each time, and told once") {
  misused on;
  std::thread{[&] {
    for (int i = 0; i < 1000; ++i) on.host->wake_at(on.host, 1);
  }}.join();
  on.run->advance(ms);
  CHECK(on.state("service").faults == 1000);
  std::size_t told = 0;
  for (const event& each : on.run->running().events(0)) told += each.stage == "service";
  CHECK(told == 1);
  CHECK_FALSE(on.run->read().stopped_by == "service");
}

TEST_CASE("what any thread may call it may") {
  misused on;
  std::thread{[&] {
    CHECK(on.host->now(on.host) == on.run->now());
    on.host->unix_time(on.host);
    on.host->log(on.host, SLUICE_INFO, borrow("from afar"));
    on.host->event(on.host, SLUICE_INFO, borrow("gap"), borrow("from afar"));
    CHECK(on.host->extension(on.host, borrow(SLUICE_EXT_METRICS)) != nullptr);
  }}.join();
  CHECK(on.last_event("service") == "gap: from afar");
  CHECK(on.state("service").faults == 0);
}

}  // namespace call_check_test
