// The sink's lane: its answers, outcomes in pieces, its guard.
#include "runtime/test_rig.hpp"

#include <algorithm>
#include <stdexcept>

namespace sink_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

namespace {

/// source -> sink, or source -> guard -> sink.
struct tail : rig {
  explicit tail(bool guarded = false) {
    add("source", source);
    if (guarded) add("guard", guard, {"source"});
    add("sink", sink, {guarded ? "guard" : "source"});
  }
  void report(std::uint64_t call, std::uint32_t count, std::uint32_t result = SLUICE_PUBLISHED,
              std::int64_t written = 0) {
    const std::int64_t now = run->now();
    plays["sink"].host->report(
        {0, result, SLUICE_CAUSE_TIMEOUT, count, call, 5, written == 0 ? now : written, now, 2});
  }
  /// Runs `what` in the sink's lane.
  void in_sink(std::function<void()> what) {
    plays["sink"].timer = [what = std::move(what)](time_point) { what(); };
    wake("sink");
    run->settle();
  }
  counters sunk() const { return state("sink").count; }
};

}  // namespace

TEST_CASE("every answer of a sink is counted as what it is") {
  tail on;
  std::uint64_t call = 0;
  bool refused_once = false;
  on["sink"].process = [&](batch& records) {
    call = records.call();
    for (const record& each : records) {
      switch (each.key) {
        case 1: on["sink"].take(each); break;
        case 2: records.pending(each); break;
        case 3: records.fail(each); break;
        case 4: records.drop(each, reason::oversize); break;
        case 5:
          if (!std::exchange(refused_once, true)) records.give_back(each);
          break;
      }
    }
  };
  on.build();
  on.give({{1}, {2}, {3}, {4}, {2}});
  CHECK(on.sunk().published == 1);
  CHECK(on.sunk().failed == 1);
  CHECK(on.sunk().dropped[SLUICE_DROP_OVERSIZE] == 1);
  CHECK(on.state("sink").in_flight == 2);
  CHECK(on.state("sink").held == 2);
  on.check_balance();
  const std::uint64_t first = call;
  on.give({{5}});
  on.check_balance();
  on.run->advance(200 * ms);  // offered again
  CHECK(on.sunk().published == 2);
  on.in_sink([&] { on.report(first, 1); });
  CHECK(on.sunk().published == 3);
  on.in_sink([&] { on.report(first, 1, SLUICE_PUBLISH_UNKNOWN); });
  CHECK(on.sunk().unknown == 1);
  CHECK(on.state("sink").held == 0);
  on.check_balance();
}

TEST_CASE("what a sink gives back stays first, in order, and is in the ledger at rest") {
  tail on;
  bool open = false;
  std::uint32_t calls = 0;
  on["sink"].process = [&](batch& records) {
    ++calls;
    for (const record& each : records) {
      if (!open && each.seq > 2)
        records.give_back(each);
      else
        on["sink"].take(each);
    }
  };
  on.build();
  on.give({{1}, {1}, {1}, {1}});
  CHECK(calls == 2);
  on.check_balance();
  CHECK(on.state("sink").held == 2);
  on.give({{1}});
  on.check_balance();
  open = true;
  on.give({{1}});
  on.run->advance(200 * ms);
  CHECK(on.words() == "1:1 1:2 1:3 1:4 1:5 1:6");
  on.check_balance();
}

TEST_CASE("a sink that gives all back at once does not hide what it was given") {
  tail on;
  on["sink"].process = [&](batch& records) {
    for (const record& each : records) records.give_back(each);
  };
  on.build();
  on.give({{1}, {2}});
  on.check_balance();
  CHECK(on.state("sink").held == 2);
  on.run->running().stop_now();
  on.run->settle();
  on.check_balance();
  CHECK(on.dropped("sink", SLUICE_DROP_SHUTDOWN) == 2);
}

TEST_CASE("outcomes that are none are refused, late ones change nothing") {
  tail on;
  std::uint64_t call = 0;
  on["sink"].process = [&](batch& records) {
    call = records.call();
    for (const record& each : records) records.pending(each);
  };
  on.build();
  on.give({{1}, {2}});
  on.in_sink([&] { CHECK_THROWS_AS(on.report(call, 3), std::logic_error); });
  CHECK(on.last_event("sink") == "fault: reported an outcome that is not of a call under way");
  on.in_sink([&] { CHECK_THROWS_AS(on.report(call + 1, 1), std::logic_error); });
  on.in_sink([&] { on.report(call, 2); });
  on.in_sink([&] { on.report(call, 2); });  // that call has ended
  CHECK(on.sunk().published == 2);
  CHECK(on.state("sink").faults == 2);
  on.check_balance();
}

TEST_CASE("times of an outcome are kept within what can be") {
  tail on;
  std::uint64_t call = 0;
  on["sink"].process = [&](batch& records) {
    call = records.call();
    for (const record& each : records) records.pending(each);
  };
  on.build();
  on.give({{1}, {2}});
  on.run->advance(3 * ms);
  on.in_sink([&] { on.report(call, 2, SLUICE_PUBLISH_FAILED, -1'000'000'000'000); });
  CHECK(on.state("sink").latency.max_ns == 3 * ms);
}

TEST_CASE("the histogram counts published records, the window calls") {
  tail on;
  std::uint64_t call = 0;
  on["sink"].process = [&](batch& records) {
    call = records.call();
    for (const record& each : records) records.pending(each);
  };
  on.build();
  on.give({{1}, {2}, {3}, {4}});
  on.run->advance(3 * ms);
  on.in_sink([&] {
    on.report(call, 3, SLUICE_PUBLISHED, on.run->now() - 2 * ms);
    on.report(call, 1, SLUICE_PUBLISH_FAILED, on.run->now() - 2 * ms);
  });
  const stage_state state = on.state("sink");
  CHECK(state.latencies.count[4] == 3);  // 1 ms to 2.5 ms; the failed one has no place in it
  CHECK(state.latencies.sum_s == doctest::Approx(0.006));
  CHECK(state.ages.count[5] == 3);  // 2.5 ms to 5 ms
  CHECK(state.ages.sum_s == doctest::Approx(0.009));
  CHECK(state.latency.max_ns == 2 * ms);
}

TEST_CASE("a sink that throws or answers nonsense: its call is void") {
  tail on{true};
  std::vector<std::uint32_t> results;
  on["guard"].result = [&](const sluice_call_result& of) { results.push_back(of.result); };
  on["sink"].process = [](batch& records) {
    records.pending(records[0]);
    throw std::runtime_error{"lost its mind"};
  };
  on.build();
  on.give({{1}, {2}});
  CHECK(on.dropped("sink", SLUICE_DROP_FAULT) == 2);
  on["sink"].process = [](batch& records) { records.absorb(records[0]); };
  on.give({{1}});
  CHECK(on.last_event("sink") ==
        "fault: answered 32 for record 0 of a batch, which is not a sink's answer");
  CHECK(on.dropped("sink", SLUICE_DROP_FAULT) == 3);
  CHECK(results == std::vector<std::uint32_t>{SLUICE_PUBLISH_FAILED, SLUICE_PUBLISH_FAILED});
  on.check_balance();
}

TEST_CASE("three faults stop a sink: what comes is dropped as fault, the pipeline ends") {
  tail on;
  on["sink"].process = [](batch&) { throw std::runtime_error{"no"}; };
  on.build();
  for (int i = 0; i < 3; ++i) on.give({{1}});
  CHECK(on.state("sink").stopped);
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
  CHECK(on.dropped("sink", SLUICE_DROP_FAULT) == 3);
  on.check_balance();
}

TEST_CASE("a sink that is not ready keeps its queue; the queue's policy drops") {
  tail on;
  on.spec.stages[1].queue->records = 10;
  bool ready = false;
  on["sink"].ready = [&](std::uint32_t queued, duration) {
    CHECK(queued > 0);
    return ready ? 2u : 0u;
  };
  on.build();
  on.give_many(20);
  CHECK(on.state("sink").queue.depth == 9);
  CHECK(on.dropped("sink", SLUICE_DROP_OVERFLOW) == 11);
  on.check_balance();
  ready = true;
  on.give({});
  on.run->advance(200 * ms);
  CHECK(on["sink"].got.size() == 9);
  on.check_balance();
}

TEST_CASE("calls under way are bounded") {
  tail on;
  on["sink"].ready = [](std::uint32_t, duration) { return 1u; };
  on["sink"].process = [](batch& records) { records.pending(records[0]); };
  on.build();
  on.give_many(100);
  CHECK(on.state("sink").in_flight == 64);
  CHECK(on.state("sink").queue.depth == 36);
  on.check_balance();
}

// --- guards -------------------------------------------------------------------------------------

TEST_CASE("guard: a closed one permits each call and hears how it ended") {
  tail on{true};
  std::uint64_t permits = 0;
  std::vector<sluice_call_result> results;
  on["guard"].permit = [&](std::uint64_t& permit) {
    permit = ++permits;
    return +SLUICE_GUARD_ALLOW;
  };
  on["guard"].result = [&](const sluice_call_result& of) { results.push_back(of); };
  std::uint64_t call = 0;
  on["sink"].process = [&](batch& records) {
    call = records.call();
    for (const record& each : records) records.pending(each);
  };
  on.build();
  on.give({{1}, {2}, {3}});
  CHECK(permits == 1);
  CHECK(results.empty());
  on.in_sink([&] { on.report(call, 2); });
  CHECK(results.empty());  // the call goes on
  on.in_sink([&] { on.report(call, 1, SLUICE_PUBLISH_FAILED); });
  REQUIRE(results.size() == 1);
  CHECK(results[0].result == SLUICE_PUBLISH_FAILED);
  CHECK(results[0].cause == SLUICE_CAUSE_TIMEOUT);
  CHECK(results[0].incident == 5);
  CHECK(results[0].records == 3);
  CHECK(results[0].permit == 1);
  on.in_sink([&] { on.report(0, 0, SLUICE_PUBLISH_FAILED); });  // could not connect
  CHECK(results.at(1).permit == 0);
  CHECK(results[1].records == 0);
  CHECK(on.state("guard").count.out == 3);
  on.check_balance();
}

TEST_CASE("guard: while it refuses, the queue is emptied as circuit_open, sink ready or not") {
  tail on{true};
  on["guard"].closed = [] { return false; };
  on["guard"].permit = [](std::uint64_t&) { return +SLUICE_GUARD_REFUSE; };
  on["sink"].ready = [](std::uint32_t, duration) { return 0u; };
  on.build();
  on.give_many(600);
  CHECK(on.dropped("guard", SLUICE_DROP_CIRCUIT_OPEN) == 600);
  CHECK(on.state("guard").queue.depth == 0);
  CHECK(on.state("sink").count.in == 0);
  on.check_balance();
}

TEST_CASE("guard: what it refuses is never of priority 0, in the queue or given back") {
  tail on{true};
  bool open = false;
  on["guard"].closed = [&] { return !open; };
  on["guard"].permit = [&](std::uint64_t&) {
    return open ? +SLUICE_GUARD_REFUSE : +SLUICE_GUARD_ALLOW;
  };
  bool ready = false;
  on["sink"].process = [&](batch& records) {
    for (const record& each : records) ready ? on["sink"].take(each) : records.give_back(each);
  };
  on.build();
  on.give({{1, "text", SLUICE_PRIORITY_HIGH}, {2}});
  CHECK(on.state("guard").held == 2);
  open = true;
  on.give({{3}, {4, "text", SLUICE_PRIORITY_HIGH}, {5, "text", SLUICE_PRIORITY_LOW}});
  CHECK(on.dropped("guard", SLUICE_DROP_CIRCUIT_OPEN) == 3);
  on.check_balance();
  open = false;
  ready = true;
  on.run->advance(200 * ms);
  CHECK(on.words() == "1:1 4:1");
  on.check_balance();
}

TEST_CASE("guard: what waits stays in the queue") {
  tail on{true};
  bool open = true;
  on["guard"].closed = [] { return false; };
  on["guard"].permit = [&](std::uint64_t&) {
    return open ? +SLUICE_GUARD_WAIT : +SLUICE_GUARD_ALLOW;
  };
  on.build();
  on.give({{1}, {2}});
  CHECK(on.state("guard").queue.depth == 2);
  on.check_balance();
  open = false;
  on.run->advance(200 * ms);
  CHECK(on.words() == "1:1 2:1");
  on.check_balance();
}

TEST_CASE("guard: one that asks for the newest only leaves one record of each key in the queue") {
  tail on{true};
  bool open = true;
  on["guard"].closed = [&] { return !open; };
  on["guard"].permit = [&](std::uint64_t&) {
    return open ? +SLUICE_GUARD_CONFLATE : +SLUICE_GUARD_ALLOW;
  };
  on.build();
  on.give({{1}, {2}, {1}, {3, "text", SLUICE_PRIORITY_HIGH}, {3, "text", SLUICE_PRIORITY_HIGH}});
  CHECK(on.state("guard").queue.depth == 4);
  on.check_balance();
  on.give({{2}, {2}, {4}});
  CHECK(on.state("guard").queue.depth == 5);
  CHECK(on.dropped("guard", SLUICE_DROP_CONFLATED) == 3);
  on.check_balance();
  open = false;
  on.run->advance(200 * ms);
  CHECK(on.words() == "3:1 3:2 1:2 2:3 4:1");
  on.give({{1}, {1}});
  CHECK(on.words() == "1:3 1:4");
  on.check_balance();
}

TEST_CASE("guard: every permit ends, by a result or by being given back") {
  tail on{true};
  std::uint64_t given_out = 0;
  std::map<std::uint64_t, std::uint32_t> ended;
  bool closed = false, ready = false;
  on["guard"].closed = [&] { return closed; };
  on["guard"].permit = [&](std::uint64_t& permit) {
    permit = ++given_out;
    return +SLUICE_GUARD_ALLOW;
  };
  on["guard"].result = [&](const sluice_call_result& of) {
    CHECK(ended.emplace(of.permit, of.result).second);
  };
  on["sink"].ready = [&](std::uint32_t, duration) { return ready ? 1u : 0u; };
  int round = 0;
  on["sink"].process = [&](batch& records) {
    switch (++round) {
      case 1: records.give_back(records[0]); break;
      case 2: records.drop(records[0], reason::malformed); break;
      case 3: throw std::runtime_error{"void"};
      case 4: records.fail(records[0]); break;
      default: break;
    }
  };
  on.build();
  on.give_many(5);
  CHECK(ended.size() == given_out);  // not ready: cancelled
  CHECK(ended.at(given_out) == SLUICE_CALL_CANCELLED);
  const std::uint64_t before = given_out;
  ready = true;
  on.run->advance(200 * ms);
  CHECK(on.state("guard").queue.depth == 0);
  CHECK(ended.size() == given_out);
  std::vector<std::uint32_t> results;
  for (const auto& [permit, result] : ended)
    if (permit > before) results.push_back(result);
  CHECK(results == std::vector<std::uint32_t>{SLUICE_CALL_CANCELLED, SLUICE_CALL_CANCELLED,
                                              SLUICE_PUBLISH_FAILED, SLUICE_PUBLISH_FAILED,
                                              SLUICE_PUBLISHED, SLUICE_PUBLISHED});
  on.check_balance();
}

TEST_CASE("guard: what a sink gives back is still the guard's, and is refused with the rest") {
  tail on{true};
  bool open = false;
  on["guard"].closed = [&] { return !open; };
  on["guard"].permit = [&](std::uint64_t&) {
    return open ? +SLUICE_GUARD_REFUSE : +SLUICE_GUARD_ALLOW;
  };
  on["sink"].process = [&](batch& records) {
    for (const record& each : records) records.give_back(each);
  };
  on.build();
  on.give({{1}, {2}});
  CHECK(on.state("guard").held == 2);
  CHECK(on.state("guard").count.out == 0);
  on.check_balance();
  open = true;
  on.give({{3}});
  on.run->advance(200 * ms);
  CHECK(on.dropped("guard", SLUICE_DROP_CIRCUIT_OPEN) == 3);
  on.check_balance();
}

// --- calls without a status ---------------------------------------------------------------------

TEST_CASE("a guard's call that throws is the guard's fault; the third bypasses it: all may pass") {
  for (const char* which : {"permit", "result", "closed"}) {
    CAPTURE(which);
    const std::string call = which;
    tail on{true};
    on.spec.stages[1].fault_policy = config::on_fault::bypass;
    on["guard"].permit = [&](std::uint64_t&) {
      if (call == "permit") throw std::runtime_error{"no permit"};
      return +SLUICE_GUARD_ALLOW;
    };
    on["guard"].result = [&](const sluice_call_result&) {
      if (call == "result") throw std::runtime_error{"no result"};
    };
    on["guard"].closed = [&] {
      if (call == "closed") throw std::runtime_error{"no closed"};
      return true;
    };
    on.build();
    on.give({{1}});
    CHECK(on.state("guard").faults >= 1);
    const auto told = on.run->running().events(0);
    CHECK(std::any_of(told.begin(), told.end(), [&](const event& each) {
      return each.stage == "guard" && each.kind == "fault" && each.message == "no " + call;
    }));
    for (int i = 0; i < 4; ++i) on.give({{1}});
    CHECK(on.state("guard").bypassed);
    CHECK(on.state("guard").faults == 3);
    CHECK(on.state("sink").count.published == 5);
    CHECK(on.state("sink").faults == 0);
    on.check_balance();
  }
}

TEST_CASE("a guard whose policy is stop ends the pipeline at its third fault") {
  tail on{true};
  on["guard"].closed = []() -> bool { throw std::runtime_error{"no"}; };
  on.build();
  for (int i = 0; i < 3; ++i) on.give({{1}});
  CHECK(on.state("guard").stopped);
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
  CHECK(on.run->read().stopped_by == "guard");
  on.check_balance();
}

TEST_CASE("a sink whose ready throws has a fault each time it is asked, and is stopped at three") {
  tail on;
  on["sink"].ready = [](std::uint32_t, duration) -> std::uint32_t {
    throw std::runtime_error{"never ready"};
  };
  on.build();
  on.give({{1}});
  CHECK(on.last_event("sink") == "fault: never ready");
  CHECK(on.state("sink").faults >= 1);
  on.run->advance(500 * ms);
  CHECK(on.state("sink").faults == 3);
  CHECK(on.state("sink").stopped);
  CHECK(on.dropped("sink", SLUICE_DROP_FAULT) == 1);
  on.check_balance();
}

TEST_CASE("the watchdog knows whose code runs, also when a sink's report calls the guard") {
  tail on{true};
  std::vector<std::string> inside;
  const auto note = [&] { inside.push_back(on.run->running().lanes().back()->running_stage()); };
  on["guard"].permit = [&](std::uint64_t&) { return note(), +SLUICE_GUARD_ALLOW; };
  on["sink"].ready = [&](std::uint32_t, duration) { return note(), 1u; };
  std::uint64_t call = 0;
  on["sink"].process = [&](batch& records) {
    call = records.call();
    records.pending(records[0]);
  };
  bool broken = false;
  on["guard"].result = [&](const sluice_call_result&) {
    note();
    if (broken) throw std::runtime_error{"no result"};
  };
  on.build();
  on.give({{1}});
  CHECK(inside == std::vector<std::string>{"sink", "guard"});
  inside.clear();
  broken = true;
  on.in_sink([&] {
    on.report(call, 1);
    note();
    CHECK_THROWS_AS(on.report(call + 1, 1), std::logic_error);  // this is the sink's own
  });
  CHECK(inside == std::vector<std::string>{"guard", "sink"});
  CHECK(on.state("guard").faults == 1);
  CHECK(on.state("sink").faults == 1);
  on.check_balance();
}

TEST_CASE("the watchdog names no stage that has left its lane") {
  tail on;
  on.build();
  lane& last = *on.run->running().lanes().back();
  last.entering(last.stages().back().get());
  CHECK(last.running_stage() == "sink");
  std::vector<runtime::stage*> order;
  for (const auto& each : last.stages()) order.push_back(each.get());
  auto gone = last.rearrange({}, {});
  CHECK(last.running_stage().empty());
  last.rearrange(order, std::move(gone));
  last.entering(nullptr);
  CHECK(last.running_stage().empty());
}

}  // namespace sink_test
