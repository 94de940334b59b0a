// Plugins that load and then misbehave: each is contained, named, and the ledger still balances.
// Virtual time; only the hang (slow_process) needs real time and is a test of the real binary.
#include "config/load.hpp"
#include "plugin/loader.hpp"
#include "runtime/simulation.hpp"

#include <sluice/stage.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace sluice;

constexpr std::int64_t ms = 1'000'000;

/// Ten records every 10 ms.
struct ticking {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"ticking", "1.0.0", "Ten records every 10 ms.", SLUICE_SOURCE};
  static constexpr std::array<std::string_view, 1> emits{"test.text/1"};

  ticking(const config&, sluice::host given) : host{given} {}
  void start() { host.wake_at(host.now()); }
  void on_timer(time_point now) {
    if (draining) return;
    std::array<record, 10> made{};
    for (record& one : made) {
      one.key = ++key % 5;
      one.schema = host.schema("test.text/1");
      one.priority = SLUICE_PRIORITY_NORMAL;
      one.received_ns = now.time_since_epoch().count();
      one.data = reinterpret_cast<const std::uint8_t*>("text");
      one.size = 4;
      one.weight = 1;
    }
    host.push(made);
    host.wake_at(now + std::chrono::milliseconds{10});
  }
  bool drain(time_point) { return draining = true; }

  sluice::host host;
  std::uint64_t key = 0;
  bool draining = false;
};

/// Publishes everything at once.
struct taking {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"taking", "1.0.0", "Publishes everything.", SLUICE_SINK};
  taking(const config&, sluice::host) {}
  void process(batch&) {}
};

/// ticking -> the fixture -> taking, and what it logs.
struct around {
  explicit around(const std::string& fixture, config::on_fault policy = config::on_fault::bypass)
      : name{fixture}, running{spec(fixture, policy), 1, [this](auto, auto stage, auto message) {
                                 log.push_back(std::string{stage} + ": " + std::string{message});
                               }} {}

  static config::stage_spec stage(const sluice_plugin& plugin) {
    config::stage_spec made;
    made.name = view(plugin.name);
    made.plugin = &plugin;
    made.settings = config::load_settings(plugin, "", [](auto) { return std::nullopt; });
    return made;
  }

  static config::pipeline_spec spec(const std::string& fixture, config::on_fault policy) {
    const config::found_plugin found = plugin::loader{{SLUICE_FIXTURES}}.find(fixture);
    config::pipeline_spec made;
    made.name = "contained";
    made.drain_limit_ns = 500 * ms;
    made.stages = {stage(plugin_of<ticking>), stage(*found.plugin), stage(plugin_of<taking>)};
    made.stages[1].library = found.library;
    made.stages[1].fault_policy = policy;
    made.stages[1].inputs = {{0, {}}};
    made.stages[2].inputs = {{1, {}}};
    made.stages[2].queue = config::queue_spec{};
    return made;
  }

  runtime::stage_state stage_now() const { return running.read().stages.at(1); }
  bool logged(const std::string& line) const {
    return std::find(log.begin(), log.end(), name + ": " + line) != log.end();
  }
  void check_balance() const {
    const runtime::snapshot seen = running.read();
    CHECK(seen.imbalance == 0);
    for (const runtime::stage_state& one : seen.stages) CHECK(one.imbalance == 0);
  }
  void drain() {
    running.running().begin_drain();
    CHECK(running.advance_until([&] { return running.running().stopped(); }, 2'000 * ms));
    check_balance();
  }

  std::string name;
  std::vector<std::string> log;
  runtime::simulation running;
};

struct fault {
  const char* fixture;
  const char* message;
};

constexpr std::array faults = {
    fault{"throwing_process", "process threw on purpose"},
    fault{"throwing_int", "threw something that is not a std::exception"},
    fault{"answered_twice", "a record was answered twice"},
    fault{"undeclared_absorb",
          "answered 32 for record 0 of a batch, which it did not declare (SLUICE_CAN_ABSORB)"},
    fault{"undeclared_hold", "hold is for transforms that declare SLUICE_CAN_HOLD, in process"},
    fault{"undeclared_emit", "emit is for transforms that declare SLUICE_CAN_EMIT"},
    fault{"unknown_answer",
          "answered 200 for record 0 of a batch, which is not a transform's answer"},
    fault{"unknown_reason",
          "answered 25 for record 0 of a batch, which is not a transform's answer"},
    fault{"bad_priority",
          "gave record 0 of a batch priority 77 and weight 1: allowed are 0 to 2, and 1 or more"},
    fault{"bad_weight",
          "gave record 0 of a batch priority 1 and weight -1: allowed are 0 to 2, and 1 or more"},
    fault{"release_twice", "release: no such record is held"},
    fault{"transform_pushes", "push is for sources"},
};

TEST_CASE("a batch of a faulty transform is dropped, after three it is bypassed") {
  for (const fault& each : faults) {
    CAPTURE(each.fixture);
    around it{each.fixture};
    it.running.advance(1'000 * ms);
    CHECK(it.logged(std::string{"fault: "} + each.message));
    CHECK(it.logged("bypass: bypassed after three faults in ten seconds"));
    CHECK(it.stage_now().faults == 3);
    CHECK(it.stage_now().bypassed);
    CHECK(it.stage_now().count.dropped[SLUICE_DROP_FAULT] > 0);
    it.check_balance();
    CHECK(it.running.read().total.published > 500);
    it.drain();
  }
}

TEST_CASE("with on_fault = stop the pipeline ends and says by whom") {
  around it{"throwing_process", config::on_fault::stop};
  CHECK(it.running.advance_until([&] { return it.running.running().stopped(); }, 5'000 * ms));
  CHECK(it.running.read().stopped_by == "throwing_process");
  it.check_balance();
}

TEST_CASE("a timer that throws costs no record") {
  around it{"throwing_timer"};
  it.running.advance(1'000 * ms);
  CHECK(it.logged("fault: on_timer threw on purpose"));
  CHECK(it.stage_now().bypassed);
  CHECK(it.running.read().total.dropped_total() == 0);
  it.drain();
}

TEST_CASE("what is never released is dropped as shutdown at the end") {
  around it{"hold_never_released"};
  it.running.advance(1'000 * ms);
  CHECK(it.stage_now().held >= 900);
  it.check_balance();
  it.drain();
  const runtime::snapshot seen = it.running.read();
  CHECK(seen.total.dropped[SLUICE_DROP_SHUTDOWN] == seen.total.created);
  CHECK(seen.held == 0);
}

TEST_CASE("a drain that never ends is ended by its limit") {
  around it{"endless_drain"};
  it.running.advance(100 * ms);
  it.drain();
}

TEST_CASE("a constructor that throws keeps the pipeline from starting") {
  std::string error;
  try {
    around{"throwing_constructor"};
  } catch (const std::runtime_error& refused) {
    error = refused.what();
  }
  CHECK(error == "throwing_constructor: the constructor threw on purpose");
}

TEST_CASE("a stage that refuses to start ends the pipeline") {
  around it{"throwing_start"};
  CHECK(it.running.advance_until([&] { return it.running.running().stopped(); }, 5'000 * ms));
  CHECK(it.logged("stop: did not start: start threw on purpose"));
  CHECK(it.running.read().stopped_by == "throwing_start");
  it.check_balance();
}

}  // namespace
