// What the engine measures of a sink, and what of it stages and the pipeline's level come to see.
#include "random_test.hpp"
#include "runtime/test_rig.hpp"

#include <sluice/ext/guard.h>

#include <algorithm>
#include <utility>

namespace level_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;
using namespace std::chrono_literals;

namespace {

/// source -> stage -> [guard ->] sink. The sink takes one call at a time and answers it after
/// `takes`, or never while `stalled`.
struct pressed : rig {
  std::int64_t takes = 2 * ms;
  bool stalled = false;
  std::uint32_t call_size = 100;
  sluice_pressure seen{};  ///< by the stage, at its last batch
  std::pair<std::uint64_t, std::uint32_t> under_way{};

  void signal(std::string_view name, sluice::level at, std::string_view cause) {
    const call_scope here = in_call("stage");
    plays["stage"].host->signal(name, at, cause);
  }

  explicit pressed(bool guarded = false) {
    add("source", source);
    add("stage", plain, {"source"});
    if (guarded) add("guard", guard, {"stage"});
    add("sink", sink, {guarded ? "guard" : "stage"});
    plays["stage"].process = [this](batch& records) { seen = records.pressure(); };
    script& end = plays["sink"];
    end.ready = [this](std::uint32_t, duration) { return under_way.second > 0 ? 0 : call_size; };
    end.process = [this, &end](batch& records) {
      for (const record& each : records) records.pending(each);
      under_way = {records.call(), records.size()};
      end.host->wake_at(records.now() + duration{takes});
    };
    end.timer = [this, &end](time_point now) {
      if (stalled) return end.host->wake_at(now + 1ms);
      const auto [call, count] = std::exchange(under_way, {});
      const std::int64_t at = now.time_since_epoch().count();
      end.host->report({0, SLUICE_PUBLISHED, 0, count, call, 0, at - takes, at, 1});
    };
  }

  /// `per_slot` records each 100 ms, `every` ms apart; the worst level meanwhile.
  std::uint32_t offer(std::uint32_t per_slot, std::int64_t for_ms, std::int64_t every = 10) {
    std::uint32_t worst = SLUICE_HEALTHY;
    for (std::int64_t at = 0; at < for_ms; at += every) {
      give_many(static_cast<std::uint32_t>(per_slot * every / 100));
      run->advance(every * ms);
      worst = std::max(worst, level());
    }
    return worst;
  }
  std::uint32_t level() const { return run->read().level; }
  std::string cause() const { return run->read().level_cause; }
  demand_state demand() const { return state("sink").demand; }
};

}  // namespace

TEST_CASE("the first message after the start is healthy and published") {
  pressed on;
  on.build();
  CHECK(on.offer(1, 100, 100) == SLUICE_HEALTHY);
  CHECK(on.state("sink").count.published == 1);
  CHECK(on.demand().capacity_per_s == 0);
  CHECK(on.demand().ratio == 1);
}

TEST_CASE("an operator's level goes before the signals', until it is taken back") {
  pressed on;
  on.build();
  on.run->running().force_level(SLUICE_CRITICAL);
  CHECK(on.offer(1, 300, 100) == SLUICE_CRITICAL);
  CHECK(on.seen.level == SLUICE_CRITICAL);
  CHECK(on.cause() == "told so by an operator");
  const snapshot told = on.run->read();
  REQUIRE(told.changes.size() == 1);
  CHECK(told.changes[0].cause == "operator");
  on.run->running().force_level(std::nullopt);
  on.offer(1, 300, 100);
  CHECK(on.level() == SLUICE_HEALTHY);
  CHECK(on.seen.level == SLUICE_HEALTHY);
}

TEST_CASE("a burst that drains within its slot is not pressure") {
  pressed on;  // takes 5,000 in a slot
  on.takes = 2 * ms;
  on.build();
  // Just before a tick, so that what is pending at that instant is all of it.
  on.run->advance(95 * ms);
  for (int i = 0; i < 30; ++i) {
    on.give_many(3'000);
    on.run->advance(100 * ms);
    CHECK(on.level() == SLUICE_HEALTHY);
  }
  on.check_balance();
}

TEST_CASE("what waits all through a slot is pending, queued and unacknowledged together") {
  pressed on;
  on.build();
  on.stalled = true;
  on.give_many(250);
  on.run->advance(200 * ms);
  CHECK(on.demand().pending == 250);
}

TEST_CASE("an unanswered call counts with its age so far") {
  pressed on;
  on.build();
  on.offer(10, 1'000);
  CHECK(on.level() == SLUICE_HEALTHY);
  on.stalled = true;
  on.give_many(1);
  on.run->advance(300 * ms);
  CHECK(on.level() == SLUICE_OVERLOAD);
  CHECK(on.cause().find("latency") != std::string::npos);
  on.stalled = false;
  on.run->advance(10'000 * ms);
  CHECK(on.level() == SLUICE_HEALTHY);
}

TEST_CASE("capacity is learnt while the sink is saturated, and only then") {
  pressed on;
  on.takes = 10 * ms;  // 1,000 a slot
  on.build();
  on.offer(900, 2'000);
  CHECK(on.demand().capacity_per_s == 0);
  on.offer(2'000, 1'000);
  CHECK(on.demand().capacity_per_s == doctest::Approx(10'000).epsilon(0.15));
  CHECK(on.demand().offered_per_s == doctest::Approx(20'000).epsilon(0.01));
  CHECK(on.level() >= SLUICE_CRITICAL);
}

TEST_CASE("a sink that waits for a fuller call is not saturated") {
  pressed on;
  on.plays["sink"].ready = [&](std::uint32_t queued, duration) {
    return queued < SLUICE_BATCH_MAX || on.under_way.second > 0 ? 0 : SLUICE_BATCH_MAX - 1;
  };
  on.build();
  on.offer(100, 5'000);  // some wait at any time
  CHECK(on.demand().capacity_per_s == 0);
}

TEST_CASE("own drops never raise the level: four of five sampled at low load for long") {
  pressed on;
  on.plays["stage"].process = [&](batch& records) {
    on.seen = records.pressure();
    for (const record& each : records)
      if (each.seq % 5 != 0) records.drop(each, reason::sampled);
  };
  on.build();
  const int slots = test_rounds(36'000);  // an hour
  CHECK(on.offer(10, slots * 100, 100) == SLUICE_HEALTHY);
  CHECK(on.state("stage").count.dropped[SLUICE_DROP_SAMPLED] ==
        static_cast<std::uint64_t>(slots) * 10 * 4 / 5);
  CHECK(on.demand().offered_per_s == doctest::Approx(100));
  on.check_balance();
}

TEST_CASE("what was sampled and shed on the way was offered") {
  pressed on;
  on.plays["stage"].process = [&](batch& records) {
    for (const record& each : records)
      if (each.seq % 2 == 0) records.drop(each, each.seq % 4 == 0 ? reason::sampled : reason::shed);
  };
  on.build();
  on.offer(1'000, 2'000);
  CHECK(on.demand().offered_per_s == doctest::Approx(10'000));
}

TEST_CASE("a guard that is not closed is CRITICAL, and teaches nothing of capacity") {
  pressed on{true};
  bool closed = true;
  on["guard"].closed = [&] { return closed; };
  on["guard"].permit = [&](std::uint64_t&) {
    return closed ? std::uint32_t{SLUICE_GUARD_ALLOW} : std::uint32_t{SLUICE_GUARD_REFUSE};
  };
  on.build();
  CHECK(on.offer(10, 500) == SLUICE_HEALTHY);
  closed = false;
  on.offer(10, 500);
  CHECK(on.level() == SLUICE_CRITICAL);
  CHECK(on.cause() == "sink: its guard is not closed");
  CHECK(on.demand().capacity_per_s == 0);
  closed = true;
  on.offer(10, 6'000);
  CHECK(on.level() == SLUICE_HEALTHY);
  const auto& changes = on.run->read().changes;
  REQUIRE(changes.size() == 3);
  CHECK(changes[0].cause == "guard");
  CHECK(changes[2].cause == "recovery");
}

TEST_CASE("while a guard has the queue keep the newest, stages need not drop") {
  pressed on{true};
  std::uint32_t answer = SLUICE_GUARD_CONFLATE;
  on["guard"].closed = [&] { return answer == SLUICE_GUARD_ALLOW; };
  on["guard"].permit = [&](std::uint64_t&) { return answer; };
  on.build();
  on.offer(10, 500);
  CHECK(on.level() == SLUICE_CRITICAL);
  CHECK(on.seen.level == SLUICE_HEALTHY);
  answer = SLUICE_GUARD_ALLOW;
  on.offer(10, 500);
  CHECK(on.level() == SLUICE_CRITICAL);  // the level takes its time
  CHECK(on.seen.level == SLUICE_CRITICAL);
}

TEST_CASE("a stage's signal counts for the sinks it reaches until it is taken back") {
  pressed on;
  on.build();
  on.signal("errors", level::warning, "errors 3 % >= 1 %");
  on.run->advance(200 * ms);
  CHECK(on.level() == SLUICE_WARNING);
  CHECK(on.cause() == "sink: stage: errors 3 % >= 1 %");
  CHECK(on.state("stage").signals.size() == 1);
  on.signal("errors", level::healthy, "");
  on.run->advance(2'500 * ms);
  CHECK(on.level() == SLUICE_HEALTHY);
}

TEST_CASE("stages see level, offered, capacity and pending when enforced") {
  pressed on;
  on.takes = 10 * ms;
  on.build();
  on.offer(3'000, 1'500);
  CHECK(on.seen.level == SLUICE_OVERLOAD);
  CHECK(on.seen.offered_per_s == doctest::Approx(30'000).epsilon(0.05));
  CHECK(on.seen.capacity_per_s == doctest::Approx(10'000).epsilon(0.15));
  CHECK(on.seen.pending > 5'000);
}

TEST_CASE("mode monitor shows the level, and stages see HEALTHY") {
  pressed on;
  on.spec.level.mode = config::level_mode::monitor;
  on.takes = 10 * ms;
  on.build();
  on.offer(3'000, 1'500);
  CHECK(on.level() == SLUICE_OVERLOAD);
  CHECK(on.seen.level == SLUICE_HEALTHY);
}

TEST_CASE("mode never measures nothing") {
  pressed on;
  on.spec.level.mode = config::level_mode::never;
  on.takes = 10 * ms;
  on.build();
  CHECK(on.offer(3'000, 1'500) == SLUICE_HEALTHY);
  CHECK(on.demand().offered_per_s == 0);
}

TEST_CASE("every change is an event with its cause and all values") {
  pressed on;
  on.takes = 10 * ms;
  on.build();
  on.offer(3'000, 1'500);
  const std::string told = on.last_event("pipeline");
  CHECK(told.find("level: ") == 0);
  for (const char* each :
       {"OVERLOAD", "sink: ", "offered ", "capacity ", "ratio ", "p95 ", "unanswered ", "pending "})
    CHECK_MESSAGE(told.find(each) != std::string::npos, told);
}

TEST_CASE("an event tells the unanswered age it was judged by, and what a plugin says") {
  pressed on;
  on.build();
  on.offer(10, 1'000);
  on.signal("errors", level::warning, "errors 3 % >= 1 %");
  on.stalled = true;
  on.give_many(1);
  on.run->advance(300 * ms);
  const std::string told = on.last_event("pipeline");
  CHECK(told.find("unanswered call 2") != std::string::npos);
  CHECK(told.find("unanswered for 2") != std::string::npos);
  CHECK(told.find(", stage: errors 3 % >= 1 %)") != std::string::npos);
}

TEST_CASE("stages before shards see what all shards take together") {
  rig on;
  on.add("source", source);
  on.add("stage", plain, {"source"});
  on.add("sink", sink, {"stage"}).shards = 2;
  sluice_pressure seen{};
  on["stage"].process = [&](batch& records) { seen = records.pressure(); };
  for (const char* shard : {"sink/0", "sink/1"}) {  // one of 100 each 10 ms: 10,000/s
    script& end = on[shard];
    auto under_way = std::make_shared<std::pair<std::uint64_t, std::uint32_t>>();
    end.ready = [under_way](std::uint32_t, duration) { return under_way->second > 0 ? 0 : 100; };
    end.process = [under_way, &end](batch& records) {
      for (const record& each : records) records.pending(each);
      *under_way = {records.call(), records.size()};
      end.host->wake_at(records.now() + 10ms);
    };
    end.timer = [under_way, &end](time_point now) {
      const auto [call, count] = std::exchange(*under_way, {});
      const std::int64_t at = now.time_since_epoch().count();
      end.host->report({0, SLUICE_PUBLISHED, 0, count, call, 0, at, at, 1});
    };
  }
  on.build();
  for (int i = 0; i < 100; ++i) {
    for (std::uint64_t key = 1; key <= 300; ++key) on["source"].waiting.push_back({key});
    on.give({});
    on.run->advance(10 * ms);
  }
  CHECK(seen.offered_per_s == doctest::Approx(30'000).epsilon(0.05));
  CHECK(seen.capacity_per_s == doctest::Approx(20'000).epsilon(0.1));
  CHECK(seen.level == SLUICE_OVERLOAD);
}

namespace {

/// source -> "a" -> "sink a", source -> "b" -> "sink b", all but the sinks in one lane. The first
/// sink never answers, if it is given more than one record it is full.
struct two_ways : rig {
  sluice_pressure seen_by_a{}, seen_by_b{};
  two_ways() {
    add("source", source);
    add("a", plain, {"source"});
    add("b", plain, {"source"});
    add("sink a", sink, {"a"});
    add("sink b", sink, {"b"});
    plays["a"].process = [this](batch& records) { seen_by_a = records.pressure(); };
    plays["b"].process = [this](batch& records) { seen_by_b = records.pressure(); };
    plays["sink a"].process = [](batch& records) {
      for (const record& each : records) records.pending(each);
    };
  }
};

}  // namespace

TEST_CASE("a stage sees the sinks it can reach, not those of its lane") {
  two_ways on;
  on.build();
  for (int i = 0; i < 10; ++i) {
    on.give_many(10);
    on.run->advance(100 * ms);
  }
  on.give_many(1);
  CHECK(on.seen_by_a.level == SLUICE_OVERLOAD);
  CHECK(on.seen_by_b.level == SLUICE_HEALTHY);
}

TEST_CASE("what was sampled counts for a routed sink by its part of what came") {
  rig on;
  on.add("source", source);
  on.add("stage", plain, {"source"});
  on.add("orders", sink, {"stage"}).inputs.front().where.priorities = {SLUICE_PRIORITY_HIGH};
  on.add("ticks", sink, {"stage"}).inputs.front().where.priorities = {SLUICE_PRIORITY_NORMAL};
  on["stage"].process = [&](batch& records) {
    for (const record& each : records)
      if (each.priority != SLUICE_PRIORITY_HIGH && each.seq % 2 == 0)
        records.drop(each, reason::sampled);
  };
  on.build();
  for (int i = 0; i < 100; ++i) {
    on.give_many(100);
    on.give({{2, "order", SLUICE_PRIORITY_HIGH}});
    on.run->advance(10 * ms);
  }
  CHECK(on.state("ticks").demand.offered_per_s == doctest::Approx(10'000).epsilon(0.03));
  CHECK(on.state("orders").demand.offered_per_s < 250);
}

TEST_CASE("of several sinks each one's change is an event of its own") {
  two_ways on;
  on.build();
  for (int i = 0; i < 10; ++i) {
    on.give_many(10);
    on.run->advance(100 * ms);
  }
  const std::string told = on.last_event("sink a");
  CHECK_MESSAGE(told.find("level: ") == 0, told);
  CHECK(told.find("to OVERLOAD: sink a: ") != std::string::npos);
  CHECK(told.find("unanswered for ") != std::string::npos);
  CHECK(on.last_event("sink b") == "");
  CHECK(on.last_event("pipeline").find("sink a: ") != std::string::npos);
}

TEST_CASE("a way down is told of the sink that was the worst") {
  two_ways on;
  std::uint64_t call = 0;
  on["sink b"].process = [&](batch& records) {
    call = records.call();
    for (const record& each : records) records.pending(each);
  };
  on["sink a"].process = nullptr;
  on["sink b"].timer = [&](time_point now) {
    const std::int64_t at = now.time_since_epoch().count();
    on["sink b"].host->report({0, SLUICE_PUBLISHED, 0, 1, call, 0, at, at, 1});
  };
  on.build();
  on.give_many(1);
  on.run->advance(500 * ms);
  REQUIRE(on.run->read().level == SLUICE_OVERLOAD);
  on.wake("sink b");
  on.run->advance(20'000 * ms);
  CHECK(on.run->read().level == SLUICE_HEALTHY);
  CHECK(on.last_event("pipeline").find("sink b recovers") != std::string::npos);
}

}  // namespace level_test
