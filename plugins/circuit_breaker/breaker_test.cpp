// The state machine: every state with every event, and the requirement's numbers.
#include "breaker.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

namespace breaker_test {

using namespace sluice;
using namespace sluice::circuit_breaker;
using namespace std::chrono_literals;

namespace {

/// A breaker with a clock, spoken to in short.
struct bench {
  explicit bench(const rules& by = {})
      : tested{by, 1, [this](state, state, const std::string& text) { why = text; }} {}

  std::uint32_t ask() { return tested.permit(now, permit); }
  void end(std::uint32_t result, std::uint32_t cause, std::uint64_t incident = 0,
           duration latency = 1ms) {
    end_of(permit, result, cause, incident, latency);
  }
  void end_of(std::uint64_t which, std::uint32_t result, std::uint32_t cause = SLUICE_CAUSE_NONE,
              std::uint64_t incident = 0, duration latency = 1ms) {
    tested.result({sizeof(sluice_call_result), result, cause, which == 0 ? 0u : 100u, which,
                   incident, latency.count(), now.time_since_epoch().count()});
  }
  void succeed(duration latency = 1ms) {
    if (ask() == SLUICE_GUARD_ALLOW) end(SLUICE_PUBLISHED, SLUICE_CAUSE_NONE, 0, latency);
  }
  void fail(std::uint32_t cause = SLUICE_CAUSE_TIMEOUT, std::uint64_t incident = 0) {
    if (ask() == SLUICE_GUARD_ALLOW) end(SLUICE_PUBLISH_UNKNOWN, cause, incident);
  }
  void connect() { end_of(0, SLUICE_PUBLISHED); }
  void fail_to_connect(std::uint32_t cause = SLUICE_CAUSE_CONNECTION) {
    end_of(0, SLUICE_PUBLISH_FAILED, cause);
  }
  void advance(duration by) {
    now += by;
    tested.on_timer(now);
  }
  void bring_to(state to) {
    switch (to) {
      case state::closed: return;
      case state::open:
      case state::half_open:
        for (int i = 0; i < 5; ++i) fail();
        if (to == state::half_open) {
          advance(30s);
          ask();  // what is due from now on
          end(SLUICE_CALL_CANCELLED, SLUICE_CAUSE_NONE);
        }
        return;
      default: tested.force(to, now);
    }
  }
  state at() const { return tested.current(); }

  std::string why;
  time_point now{1h};
  std::uint64_t permit = 0;
  breaker tested;
};

constexpr std::array all{state::closed,   state::open,        state::half_open,
                         state::disabled, state::forced_open, state::metrics_only};

struct event {
  const char* name;
  void (*happens)(bench&);
  /// Where it leads from each state, in the order of `all`.
  std::array<state, 6> to;
};

// clang-format off
constexpr state C = state::closed, O = state::open, H = state::half_open,
                D = state::disabled, F = state::forced_open, M = state::metrics_only;
const std::vector<event> table{
    //                                                                     C  O  H  D  F  M
    {"a success", [](bench& on) { on.succeed(); },                        {C, O, H, D, F, M}},
    {"two successes", [](bench& on) { on.succeed(); on.succeed(); },      {C, O, C, D, F, M}},
    {"a failure", [](bench& on) { on.fail(); },                           {C, O, O, D, F, M}},
    {"five failures", [](bench& on) { for (int i = 0; i < 5; ++i) on.fail(); },
                                                                          {O, O, O, D, F, M}},
    {"a slow call", [](bench& on) { on.succeed(500ms); },                 {O, O, O, D, F, M}},
    {"an ignored failure", [](bench& on) { on.fail(SLUICE_CAUSE_REJECTED); },
                                                                          {C, O, H, D, F, M}},
    {"a permit given back", [](bench& on) {
       if (on.ask() == SLUICE_GUARD_ALLOW) on.end(SLUICE_CALL_CANCELLED, SLUICE_CAUSE_NONE);
     },                                                                   {C, O, H, D, F, M}},
    {"a late failure", [](bench& on) { on.end_of(999, SLUICE_PUBLISH_FAILED, SLUICE_CAUSE_TIMEOUT); },
                                                                          {C, O, H, D, F, M}},
    {"a late success", [](bench& on) { on.end_of(999, SLUICE_PUBLISHED); }, {C, O, H, D, F, M}},
    {"a connection", [](bench& on) { on.connect(); },                     {C, O, H, D, F, M}},
    {"a failed attempt to connect", [](bench& on) { on.fail_to_connect(); },
                                                                          {C, O, O, D, F, M}},
    {"refused credentials", [](bench& on) { on.fail_to_connect(SLUICE_CAUSE_REJECTED); },
                                                                          {C, O, H, D, F, M}},
    {"4.9 s", [](bench& on) { on.advance(4900ms); },                      {C, O, H, D, F, M}},
    {"5 s", [](bench& on) { on.advance(5s); },                            {C, O, O, D, F, M}},
    {"30 s", [](bench& on) { on.advance(30s); },                          {C, H, O, D, F, M}},
    {"forced to decide by itself", [](bench& on) { on.tested.force(C, on.now); },
                                                                          {C, C, C, C, C, C}},
    {"forced open", [](bench& on) { on.tested.force(F, on.now); },        {F, F, F, F, F, F}},
    {"disabled", [](bench& on) { on.tested.force(D, on.now); },           {D, D, D, D, D, D}},
    {"forced to count alone", [](bench& on) { on.tested.force(M, on.now); }, {M, M, M, M, M, M}},
};
// clang-format on

rules with_slow_calls() {
  rules made;
  made.slow_call_duration = 100ms;
  made.slow_call_rate = 0.5;
  made.minimum_calls = 1;
  return made;
}

}  // namespace

TEST_CASE("every state with every event") {
  for (const event& each : table) {
    for (const state from : all) {
      bench on{with_slow_calls()};
      on.bring_to(from);
      REQUIRE(on.at() == from);
      on.tested.rates();
      const std::uint64_t before = on.tested.counted().transitions;
      each.happens(on);
      CAPTURE(each.name);
      CAPTURE(name_of(from));
      CHECK(name_of(on.at()) == name_of(each.to[static_cast<std::size_t>(from)]));
      if (from == each.to[static_cast<std::size_t>(from)])
        CHECK(on.tested.counted().transitions == before);
      else
        CHECK_FALSE(on.why.empty());
    }
  }
}

TEST_CASE(
    "2.A CLOSED, OPEN, HALF_OPEN: what each state permits, and what it is called and numbered") {
  constexpr std::array<std::uint32_t, 6> answers{SLUICE_GUARD_ALLOW,  SLUICE_GUARD_REFUSE,
                                                 SLUICE_GUARD_ALLOW,  SLUICE_GUARD_ALLOW,
                                                 SLUICE_GUARD_REFUSE, SLUICE_GUARD_ALLOW};
  constexpr std::array<bool, 6> every_call{true, false, false, true, false, true};
  std::string names;
  for (const state each : all) {
    bench on;
    on.bring_to(each);
    const auto number = static_cast<std::size_t>(each);
    CAPTURE(number);
    CHECK(on.tested.permits_all() == every_call[number]);
    CHECK(on.ask() == answers[number]);
    CHECK(on.permit != 0);
    names += std::to_string(number) + std::string{name_of(each)} + " ";
  }
  CHECK(names == "0CLOSED 1OPEN 2HALF_OPEN 3DISABLED 4FORCED_OPEN 5METRICS_ONLY ");
}

// --- the requirement's numbers ------------------------------------------------------------------

TEST_CASE("2.A opens after 5 consecutive failures") {
  bench on;
  for (int i = 0; i < 4; ++i) on.fail();
  on.succeed();
  for (int i = 0; i < 4; ++i) on.fail(SLUICE_CAUSE_BUSY);
  CHECK(on.at() == state::closed);
  on.fail();
  CHECK(on.at() == state::open);
  CHECK(on.why == "opened: 5 consecutive failures, the last: timeout");
  CHECK(on.tested.counted().opened == 1);
}

TEST_CASE("2.A stays open for 30 seconds and rejects all messages") {
  bench on;
  on.bring_to(state::open);
  CHECK(on.tested.deadline() == on.now + 30s);
  for (int i = 0; i < 300; ++i) {
    CHECK(on.ask() == SLUICE_GUARD_REFUSE);
    on.advance(99ms);
  }
  CHECK(on.at() == state::open);
  CHECK(on.tested.counted().not_permitted == 300);
  on.advance(300ms);
  CHECK(on.at() == state::half_open);
  CHECK(on.tested.open_time(on.now + 1h) == 30s);
}

TEST_CASE("a permit asked for when the time is over need not wait for the timer") {
  bench on;
  on.bring_to(state::open);
  on.now += 30s;
  CHECK(on.ask() == SLUICE_GUARD_ALLOW);
  CHECK(on.at() == state::half_open);
}

TEST_CASE("2.A requires 2 successes to close, one call at a time") {
  bench on;
  on.bring_to(state::half_open);
  CHECK(on.ask() == SLUICE_GUARD_ALLOW);
  const std::uint64_t trial = on.permit;
  CHECK(on.ask() == SLUICE_GUARD_WAIT);
  on.end_of(trial, SLUICE_PUBLISHED);
  CHECK(on.at() == state::half_open);
  on.succeed();
  CHECK(on.at() == state::closed);
  CHECK(on.why == "closed: 2 successes");
}

TEST_CASE("6. timeout incidents: 90 % fewer than without, while Redis hangs for ten minutes") {
  bench on;
  const time_point begin = on.now;
  int timeouts = 0;
  while (on.now < begin + 10min) {
    const bool tried = on.ask() == SLUICE_GUARD_ALLOW;
    on.advance(tried ? 1s : 100ms);  // publish_timeout, or the next tick to publish
    if (!tried) continue;
    ++timeouts;
    on.end(SLUICE_PUBLISH_UNKNOWN, SLUICE_CAUSE_TIMEOUT);
  }
  CHECK(timeouts > 5);          // it goes on trying
  CHECK(timeouts <= 600 / 10);  // without, one each second
}

TEST_CASE("any failure of a trial opens it for another 30 seconds") {
  bench on;
  on.bring_to(state::half_open);
  on.succeed();
  on.fail(SLUICE_CAUSE_CONNECTION);
  CHECK(on.at() == state::open);
  CHECK(on.why == "opened: a trial failed: connection");
  CHECK(on.tested.deadline() == on.now + 30s);
}

TEST_CASE("without a verdict in 5 seconds it opens, but not for want of anything to send") {
  bench on;
  for (int i = 0; i < 5; ++i) on.fail();
  on.advance(30s);
  CHECK(on.tested.deadline() == never);
  on.advance(1h);
  CHECK(on.at() == state::half_open);
  on.ask();
  CHECK(on.tested.deadline() == on.now + 5s);
  on.advance(5s);
  CHECK(on.at() == state::open);
  CHECK(on.why == "opened: no verdict within 5 s");
  on.end(SLUICE_PUBLISHED, SLUICE_CAUSE_NONE);
  CHECK(on.tested.counted().late == 1);
  CHECK(on.at() == state::open);
}

// --- what a failure is --------------------------------------------------------------------------

TEST_CASE("all that is lost with one connection is one failure, each failed attempt is one") {
  bench on;
  for (int i = 0; i < 40; ++i) on.fail(SLUICE_CAUSE_TIMEOUT, 7);
  CHECK(on.at() == state::closed);
  CHECK(on.tested.counted().failed == 40);
  CHECK(on.tested.rates().calls() == 1);
  for (int i = 0; i < 3; ++i) on.fail_to_connect();
  CHECK(on.at() == state::closed);
  on.fail_to_connect(SLUICE_CAUSE_TIMEOUT);
  CHECK(on.at() == state::open);
  CHECK(on.why == "opened: 5 consecutive failures, the last: cannot connect (timeout)");
}

TEST_CASE("two connections lost are two failures; failures without an incident are one each") {
  bench on;
  on.fail(SLUICE_CAUSE_CONNECTION, 1);
  on.fail(SLUICE_CAUSE_CONNECTION, 2);
  on.fail(SLUICE_CAUSE_CONNECTION, 2);
  on.fail(SLUICE_CAUSE_BUSY);
  on.fail(SLUICE_CAUSE_BUSY);
  CHECK(on.at() == state::closed);
  on.fail(SLUICE_CAUSE_BUSY);
  CHECK(on.at() == state::open);
}

TEST_CASE("a peer that greets and then answers nothing opens it all the same") {
  bench on;
  for (std::uint64_t i = 1; i <= 5; ++i) {
    CHECK(on.at() == state::closed);
    on.connect();
    on.fail(SLUICE_CAUSE_TIMEOUT, i);
  }
  CHECK(on.at() == state::open);
}

TEST_CASE("what the peer refuses for good is no failure, and no success either") {
  bench on;
  for (int i = 0; i < 4; ++i) on.fail();
  for (int i = 0; i < 100; ++i) on.fail(SLUICE_CAUSE_REJECTED);
  on.fail_to_connect(SLUICE_CAUSE_REJECTED);
  CHECK(on.at() == state::closed);
  CHECK(on.tested.counted().ignored == 101);
  on.fail();
  CHECK(on.at() == state::open);
}

TEST_CASE("late replies change nothing but their count") {
  bench on;
  on.ask();
  const std::uint64_t before = on.permit;
  on.bring_to(state::open);
  on.end_of(before, SLUICE_PUBLISHED);
  CHECK(on.at() == state::open);
  on.advance(30s);
  on.end_of(before, SLUICE_PUBLISHED);
  on.end_of(before, SLUICE_PUBLISHED);
  CHECK(on.at() == state::half_open);
  on.end_of(before, SLUICE_PUBLISH_FAILED, SLUICE_CAUSE_TIMEOUT);
  CHECK(on.at() == state::half_open);
  CHECK(on.tested.counted().late == 4);
  CHECK(on.tested.counted().successful == 0);
}

// --- rates --------------------------------------------------------------------------------------

TEST_CASE("failure rate: opens at the share, from the least number of calls, in the window only") {
  rules by;
  by.failure_rate = 0.5;
  bench on{by};
  for (int i = 0; i < 9; ++i) {
    on.fail();
    on.succeed();
  }
  on.fail();
  CHECK(on.at() == state::closed);  // 10 of 19
  on.now += 11s;
  on.fail();
  CHECK(on.tested.rates().calls() == 1);
  for (int i = 0; i < 9; ++i) {
    on.succeed();
    on.fail();
  }
  CHECK(on.at() == state::closed);
  on.succeed();
  CHECK(on.at() == state::open);
  CHECK(on.why == "opened: failure rate 50 % of 20 calls in 10 s");
}

TEST_CASE("failure rate: none does unless set") {
  bench on;
  for (int i = 0; i < 1000; ++i) {
    for (int j = 0; j < 4; ++j) on.fail();
    on.succeed();
  }
  CHECK(on.at() == state::closed);
  CHECK(on.tested.rates().failure_rate() == doctest::Approx(0.8));
}

TEST_CASE("slow calls: counted, open it at their rate, and a slow trial fails") {
  rules by = with_slow_calls();
  by.minimum_calls = 4;
  bench on{by};
  on.succeed(100ms);
  on.succeed(101ms);
  on.succeed(99ms);
  CHECK(on.at() == state::closed);
  on.succeed(1s);
  CHECK(on.at() == state::open);
  CHECK(on.why == "opened: slow call rate 50 % of 4 calls in 10 s");
  CHECK(on.tested.counted().slow == 2);
  on.advance(30s);
  on.succeed(250ms);
  CHECK(on.at() == state::open);
  CHECK(on.why == "opened: a trial took 0.25 s");
}

TEST_CASE("the window forgets by slices") {
  rate_window window{10s};
  time_point now{1h};
  for (int i = 0; i < 10; ++i, now += 1s) window.add(now, i < 5, i < 2);
  CHECK(window.calls() == 10);
  CHECK(window.failure_rate() == 0.5);
  CHECK(window.slow_rate() == 0.2);
  window.advance(now);
  CHECK(window.calls() == 9);
  window.advance(now + 4s);
  CHECK(window.calls() == 5);
  CHECK(window.failure_rate() == 0);
  window.advance(now + 1h);
  CHECK(window.calls() == 0);
  CHECK(window.failure_rate() == 0);
}

// --- recovery -----------------------------------------------------------------------------------

TEST_CASE("recovery_timeout_max: the time doubles with each trial that fails, within 10 %") {
  rules by;
  by.recovery_timeout = 1s;
  by.recovery_timeout_max = 10s;
  bench on{by};
  for (int i = 0; i < 5; ++i) on.fail();
  for (const double expected : {1.0, 2.0, 4.0, 8.0, 10.0, 10.0}) {
    const double open_for = std::chrono::duration<double>{on.tested.deadline() - on.now}.count();
    CHECK(open_for >= 0.9 * expected);
    CHECK(open_for <= std::min(1.1 * expected, 10.0));
    on.now = on.tested.deadline();
    on.fail();
    CHECK(on.at() == state::open);
  }
  on.now = on.tested.deadline();
  on.succeed();
  on.succeed();
  for (int i = 0; i < 5; ++i) on.fail();
  CHECK(on.tested.deadline() - on.now <= 1100ms);
}

TEST_CASE("active: tried as soon as it is connected anew") {
  rules by;
  by.active = true;
  bench on{by};
  for (int i = 0; i < 5; ++i) on.fail_to_connect(SLUICE_CAUSE_TIMEOUT);
  CHECK(on.tested.deadline() == on.now + 30s);
  on.advance(7s);
  on.fail_to_connect(SLUICE_CAUSE_TIMEOUT);
  CHECK(on.at() == state::open);
  on.connect();
  CHECK(on.at() == state::half_open);
  CHECK(on.why == "on trial: connected anew");
  on.succeed();
  on.succeed();
  CHECK(on.at() == state::closed);
}

TEST_CASE("active: a peer that answers and refuses is tried every second") {
  rules by;
  by.active = true;
  bench on{by};
  for (int i = 0; i < 5; ++i) on.fail(SLUICE_CAUSE_BUSY);
  CHECK(on.tested.deadline() == on.now + 1s);
  on.advance(1s);
  CHECK(on.at() == state::half_open);
  on.fail(SLUICE_CAUSE_BUSY);
  CHECK(on.tested.deadline() == on.now + 1s);
  on.fail_to_connect();  // the connection has gone since
  CHECK(on.tested.deadline() == on.now + 30s);
  on.connect();
  CHECK(on.at() == state::half_open);
}

TEST_CASE("active: after failures of connections it is not tried before it is connected") {
  rules by;
  by.active = true;
  bench on{by};
  for (std::uint64_t i = 1; i <= 5; ++i) on.fail(SLUICE_CAUSE_TIMEOUT, i);
  CHECK(on.tested.deadline() == on.now + 30s);
}

TEST_CASE("what is not permitted is conflated or waits, as told: open, forced open and on trial") {
  rules by;
  SUBCASE("keep_latest") { by.otherwise = SLUICE_GUARD_CONFLATE; }
  SUBCASE("spill") { by.otherwise = SLUICE_GUARD_WAIT; }
  bench on{by};
  on.bring_to(state::open);
  CHECK(on.ask() == by.otherwise);
  on.advance(30s);
  CHECK(on.ask() == SLUICE_GUARD_ALLOW);
  CHECK(on.ask() == by.otherwise);
  on.tested.force(state::forced_open, on.now);
  CHECK(on.ask() == by.otherwise);
  CHECK(on.tested.counted().not_permitted == 0);
}

TEST_CASE("forced states stay until forced otherwise; disabled counts nothing") {
  for (const state each : {state::disabled, state::forced_open, state::metrics_only}) {
    bench on;
    on.tested.force(each, on.now);
    for (int i = 0; i < 100; ++i) {
      on.fail();
      on.fail_to_connect();
      on.connect();
      on.succeed();
      on.advance(10s);
    }
    CHECK(on.at() == each);
    const tally& counted = on.tested.counted();
    CHECK(counted.successful == (each == state::metrics_only ? 100 : 0));
    CHECK(counted.failed == (each == state::metrics_only ? 200 : 0));
    CHECK(counted.transitions == 1);
    on.tested.force(state::closed, on.now);
    for (int i = 0; i < 4; ++i) on.fail();
    CHECK(on.at() == state::closed);
    on.fail();
    CHECK(on.at() == state::open);
  }
}

}  // namespace breaker_test
