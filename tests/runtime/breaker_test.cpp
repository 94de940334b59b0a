// The circuit breaker in a pipeline, before a sink that does what the test says.
#include "config/load.hpp"
#include "runtime/test_rig.hpp"

#include "circuit_breaker.hpp"

#include <string>

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

namespace {

constexpr std::int64_t second = 1000 * ms;

/// source -> circuit_breaker -> sink, which takes 100 records a call while `well`, else none.
struct guarded : rig {
  explicit guarded(const std::string& settings = "") {
    const sluice_plugin* breaker = &plugin_of<circuit_breaker::circuit_breaker>;
    add("source", source);
    add("breaker", breaker, {"source"}).settings =
        config::load_settings(*breaker, settings, [](std::string_view) { return std::nullopt; });
    add("sink", sink, {"breaker"});
    plays["sink"].ready = [](std::uint32_t, duration) { return 100u; };
    plays["sink"].process = [this](batch& records) {
      ++calls;
      for (const record& each : records) well ? plays["sink"].take(each) : records.fail(each);
    };
  }
  void open() {
    well = false;
    for (int i = 0; i < 5; ++i) give({{1000}});
    REQUIRE(metric("state") == 1);
    calls = 0;
  }
  double metric(std::string_view name) const {
    for (const metric_value& each : state("breaker").metrics)
      if (each.name == name) return each.value;
    throw std::out_of_range{std::string{name}};
  }

  bool well = true;
  std::uint32_t calls = 0;
};

}  // namespace

TEST_CASE("breaker: nothing is sent after the call that opened it, what is queued is dropped") {
  guarded on;
  on.build();
  on.well = false;
  on.give_many(5'000);
  CHECK(on.calls == 5);
  CHECK(on.state("sink").count.failed == 500);
  CHECK(on.dropped("breaker", SLUICE_DROP_CIRCUIT_OPEN) == 4'500);
  CHECK(on.state("breaker").queue.depth == 0);
  CHECK(on.last_event("breaker") ==
        "breaker: opened: 5 consecutive failures, the last: fault (CLOSED -> OPEN)");
  on.check_balance();
}

TEST_CASE("breaker: for 30 seconds nothing reaches the sink, then two calls close it") {
  guarded on;
  on.build();
  on.open();
  on.well = true;
  for (int i = 0; i < 299; ++i) {
    on.give({{1}, {2}});
    on.run->advance(100 * ms);
  }
  CHECK(on.calls == 0);
  CHECK(on.dropped("breaker", SLUICE_DROP_CIRCUIT_OPEN) == 598);
  on.check_balance();
  on.run->advance(second);
  CHECK(on.metric("state") == 2);
  on.give({{1}});
  CHECK(on.metric("state") == 2);
  on.give({{2}});
  CHECK(on.metric("state") == 0);
  CHECK(on.words() == "1:300 2:300");
  CHECK(on.metric("opened") == 1);
  CHECK(on.metric("transitions") == 3);
  on.check_balance();
}

TEST_CASE("breaker: on trial one call is made at a time, the rest waits in the queue") {
  guarded on;
  std::vector<std::uint64_t> under_way;
  on.build();
  on.open();
  on["sink"].process = [&](batch& records) {
    under_way.push_back(records.call());
    for (const record& each : records) records.pending(each);
  };
  on.run->advance(30 * second);
  on.give_many(500);
  CHECK(under_way.size() == 1);
  CHECK(on.state("breaker").queue.depth == 400);
  on.run->advance(second);
  CHECK(under_way.size() == 1);
  on["sink"].timer = [&](time_point) {
    on["sink"].host->report({0, SLUICE_PUBLISHED, 0, 100, under_way.back(), 0, 0, 0, 0});
  };
  const auto answer = [&] {
    on.wake("sink");
    on.run->advance(100 * ms);
  };
  answer();
  CHECK(under_way.size() == 2);
  CHECK(on.metric("state") == 2);
  answer();
  CHECK(on.metric("state") == 0);
  CHECK(under_way.size() == 5);
  CHECK(on.dropped("breaker", SLUICE_DROP_CIRCUIT_OPEN) == 0);
  on.check_balance();
}

TEST_CASE(
    "breaker: batches lost with one connection are one failure, late replies change nothing") {
  guarded on;
  std::vector<std::uint64_t> under_way;
  on["sink"].process = [&](batch& records) {
    under_way.push_back(records.call());
    for (const record& each : records) records.pending(each);
  };
  on.build();
  on.give_many(4'000);
  REQUIRE(under_way.size() == 40);
  std::uint64_t incident = 0;
  const auto lose = [&](std::size_t many) {
    on["sink"].timer = [&, many](time_point) {
      ++incident;
      for (std::size_t i = 0; i < many; ++i) {
        on["sink"].host->report({0, SLUICE_PUBLISH_UNKNOWN, SLUICE_CAUSE_TIMEOUT, 100,
                                 under_way.back(), incident, 0, 0, 0});
        under_way.pop_back();
      }
    };
    on.wake("sink");
    on.run->settle();
  };
  lose(4);
  lose(4);
  lose(4);
  lose(4);
  CHECK(on.metric("state") == 0);
  lose(4);
  CHECK(on.metric("state") == 1);
  CHECK(on.metric("calls_failed") == 17);
  CHECK(on.metric("calls_late") == 3);
  on.check_balance();
}

TEST_CASE("breaker: keep_latest leaves the newest of each key, and delivers it when closed") {
  guarded on{"on_open = \"keep_latest\"\nrecovery_timeout = \"10s\""};
  on.spec.stages[1].queue->max_delay_ns = 20 * ms;
  on.build();
  on.open();
  on.well = true;
  for (int i = 0; i < 90; ++i) {
    for (std::uint64_t key = 1; key <= 300; ++key) on["source"].waiting.push_back({key});
    on.give({});
    on.run->advance(100 * ms);
  }
  CHECK(on.calls == 0);
  CHECK(on.state("breaker").queue.depth == 300);
  CHECK(on.dropped("breaker", SLUICE_DROP_CONFLATED) == 89 * 300);
  CHECK(on.dropped("breaker", SLUICE_DROP_CIRCUIT_OPEN) == 0);
  on.check_balance();
  on.run->advance(2 * second);
  CHECK(on.metric("state") == 0);
  REQUIRE(on["sink"].got.size() == 300);
  for (const taken& each : on["sink"].got) {
    CHECK(each.seq == 90);
    CHECK(each.weight == 90);
  }
  CHECK(on.dropped("breaker", SLUICE_DROP_EXPIRED) == 0);
  on.words();
  on.give({{1}, {1}});
  CHECK(on.words() == "1:91 1:92");
  on.check_balance();
}

TEST_CASE("breaker: an outage in a quiet hour does not go on for want of traffic") {
  guarded on;
  on.build();
  on.open();
  on.well = true;
  on.run->advance(3600 * second);
  CHECK(on.metric("transitions") == 2);
  on.give({{1}});
  on.give({{1}});
  CHECK(on.metric("state") == 0);
  CHECK(on.dropped("breaker", SLUICE_DROP_CIRCUIT_OPEN) == 0);
}

TEST_CASE("breaker: forced by an operator, at the next step of its lane") {
  guarded on;
  on.build();
  engine& running = on.run->running();
  CHECK(running.force_guard("breaker", SLUICE_GUARD_FORCED_OPEN) == SLUICE_OK);
  on.give({{1}});
  CHECK(on.calls == 0);
  CHECK(on.metric("state") == 4);
  CHECK(on.dropped("breaker", SLUICE_DROP_CIRCUIT_OPEN) == 1);
  running.force_guard("breaker", SLUICE_GUARD_AUTOMATIC);
  on.give({{1}});
  CHECK(on.words() == "1:2");
  on.check_balance();
}
