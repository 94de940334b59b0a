// What goes over in a swap, and what changes in place.
#include "circuit_breaker.hpp"

#include "../testing/world.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <memory>

namespace swap_test {

using namespace sluice;
using namespace std::chrono_literals;
using namespace sluice::test;
using sluice::circuit_breaker::breaker;
using stage_under_test = sluice::circuit_breaker::circuit_breaker;
using sluice::circuit_breaker::config;
using sluice::circuit_breaker::control;
using sluice::circuit_breaker::rules;
using sluice::circuit_breaker::state;

namespace {

config defaults() {
  config made{};
  made.failure_threshold = 5;
  made.success_threshold = 2;
  made.minimum_calls = 20;
  made.recovery_timeout = 30s;
  made.half_open_timeout = 5s;
  made.probe_interval = 1s;
  made.window = 10s;
  return made;
}

/// A breaker in a world, spoken to in short.
struct bench {
  explicit bench(const config& with = defaults()) { begin(with); }

  void begin(const config& with) {
    tested = std::make_unique<stage_under_test>(with, on.host());
    tested->start();
  }
  void swap(const config& with = defaults()) {
    const bytes before = state_of(*tested);
    on.wake = never;  // asked for by the one before
    tested = std::make_unique<stage_under_test>(with, on.host());
    load(*tested, before);
    tested->start();
  }
  std::uint32_t ask() { return tested->permit(on.now, permit); }
  void end(std::uint64_t of, bool well) {
    sluice_call_result ended{};
    ended.size = sizeof ended;
    ended.permit = of;
    ended.result = well ? SLUICE_PUBLISHED : SLUICE_PUBLISH_UNKNOWN;
    ended.cause = well ? SLUICE_CAUSE_NONE : SLUICE_CAUSE_TIMEOUT;
    ended.now_ns = on.now.time_since_epoch().count();
    tested->result(ended);
  }
  void calls(int count, bool well) {
    for (int i = 0; i < count; ++i)
      if (ask() == SLUICE_GUARD_ALLOW) end(permit, well);
  }
  void advance(duration by) { on.advance(*tested, by); }
  bool refuses() { return ask() == SLUICE_GUARD_REFUSE; }
  std::string last_event() { return on.events.empty() ? "" : on.events.back(); }

  world on;
  std::uint64_t permit = 0;
  std::unique_ptr<stage_under_test> tested;
};

}  // namespace

TEST_CASE("OPEN with 12 s left stays open exactly 12 s more") {
  bench any;
  any.calls(5, false);
  any.advance(18s);
  any.swap();
  CHECK_FALSE(any.tested->closed());
  CHECK(any.on.events.size() == 1);  // a swap is no transition
  CHECK(any.on.wake == any.on.now + 12s);
  any.advance(12s - 1ns);
  CHECK(any.refuses());
  any.advance(1ns);
  CHECK(any.ask() == SLUICE_GUARD_ALLOW);
  CHECK(any.last_event() == "breaker: on trial: after 30 s (OPEN -> HALF_OPEN)");
}

TEST_CASE("HALF_OPEN: the answer to a trial under way counts, and no second trial begins before") {
  for (const bool well : {true, false}) {
    bench any;
    any.calls(5, false);
    any.advance(30s);
    any.calls(1, true);
    CHECK(any.ask() == SLUICE_GUARD_ALLOW);
    const std::uint64_t trial = any.permit;
    any.advance(1s);
    any.swap();
    CHECK(any.ask() == SLUICE_GUARD_WAIT);
    any.end(trial, well);
    CHECK(any.tested->closed() == well);
    CHECK(any.last_event() ==
          (well ? "breaker: closed: 2 successes (HALF_OPEN -> CLOSED)"
                : "breaker: opened: a trial failed: timeout (HALF_OPEN -> OPEN)"));
  }
}

TEST_CASE("HALF_OPEN: without a verdict it opens when it would have") {
  bench any;
  any.calls(5, false);
  any.advance(30s);
  any.ask();
  any.advance(2s);
  any.swap();
  any.advance(3s - 1ns);
  CHECK(any.ask() == SLUICE_GUARD_WAIT);
  any.advance(1ns);
  CHECK(any.refuses());
}

TEST_CASE("an answer of before a transition is late for the one that took over, too") {
  bench any;
  any.ask();
  const std::uint64_t early = any.permit;
  any.calls(5, false);
  any.advance(30s);
  any.swap();
  any.end(early, false);
  CHECK(any.ask() == SLUICE_GUARD_ALLOW);  // still on trial
}

TEST_CASE("a breaker that took nothing over has no part in calls permitted by another") {
  rules by;
  breaker first{by, 1'234'567, [](auto...) {}}, second{by, 7'654'321, [](auto...) {}};
  std::uint64_t permit = 0, other = 0;
  first.permit(time_point{}, permit);
  second.permit(time_point{}, other);
  CHECK(permit != other);
}

TEST_CASE("failures in a row and the window of the rates go over") {
  auto with = defaults();
  with.failure_rate = 0.5;
  bench any{with};
  any.calls(4, false);
  any.swap(with);
  CHECK(any.tested->closed());
  any.calls(1, false);
  CHECK_FALSE(any.tested->closed());

  bench rates{with};
  for (int i = 0; i < 9; ++i) {
    rates.calls(1, true);
    rates.calls(1, false);
    rates.advance(300ms);
    rates.swap(with);
  }
  rates.calls(1, true);
  CHECK(rates.tested->closed());
  rates.calls(1, false);
  CHECK(rates.last_event() ==
        "breaker: opened: failure rate 50 % of 20 calls in 10 s (CLOSED -> OPEN)");
}

TEST_CASE("a forced state stays, unless the configuration says otherwise now") {
  bench any;
  any.tested->force(SLUICE_GUARD_FORCED_OPEN);
  any.swap();
  CHECK(any.refuses());
  auto forced = defaults();
  forced.state = control::metrics_only;
  any.swap(forced);
  CHECK(any.ask() == SLUICE_GUARD_ALLOW);
  any.tested->force(SLUICE_GUARD_FORCED_OPEN);
  any.swap(forced);
  CHECK(any.refuses());
  any.swap();
  CHECK(any.tested->closed());
}

TEST_CASE("the time it is open is counted once") {
  rules by;
  breaker first{by, 1, [](auto...) {}};
  time_point now{1h};
  std::uint64_t permit = 0;
  for (int i = 0; i < 5; ++i) {
    first.permit(now, permit);
    first.result({sizeof(sluice_call_result), SLUICE_PUBLISH_FAILED, SLUICE_CAUSE_TIMEOUT, 1,
                  permit, 0, 0, now.time_since_epoch().count()});
  }
  now += 10s;
  CHECK(first.open_time(now) == 10s);
  state_writer out;
  first.save(out);
  breaker second{by, 1, [](auto...) {}};
  state_reader in{"", out.bytes()};
  second.load(in, now);
  CHECK(second.current() == state::open);
  CHECK(second.open_time(now) == 0s);
  CHECK(second.open_time(now + 5s) == 5s);
}

TEST_CASE("a state comes through unchanged, and nothing else is taken for one") {
  for (const int stage : {0, 1, 2}) {
    bench any;
    any.calls(3, true);
    any.advance(4s);
    any.calls(5, false);
    if (stage > 0) any.advance(30s);
    if (stage > 1) any.ask();
    check_state(
        state_of(*any.tested),
        [&] { return std::make_unique<stage_under_test>(defaults(), any.on.host()); },
        [&](stage_under_test& loaded) {
          loaded.start();
          std::uint64_t permit = 0;
          for (const bool well : {true, false}) {
            if (loaded.permit(any.on.now, permit) != SLUICE_GUARD_ALLOW) continue;
            CHECK(permit != 0);
            sluice_call_result ended{};
            ended.permit = permit;
            ended.result = well ? SLUICE_PUBLISHED : SLUICE_PUBLISH_FAILED;
            ended.now_ns = any.on.now.time_since_epoch().count();
            loaded.result(ended);
          }
          loaded.on_timer(any.on.now);
        });
  }
}

TEST_CASE("a window of another length is not taken, one of the future is refused") {
  const auto loaded = [](duration length, time_point now) {
    sluice::circuit_breaker::rate_window from{10s}, to{length};
    from.add(time_point{1h}, true, false);
    state_writer out;
    from.save(out);
    state_reader in{"", out.bytes()};
    to.load(in, now);
    CHECK(in.at_end());
    return to.calls();
  };
  CHECK(loaded(10s, time_point{1h}) == 1);
  CHECK(loaded(20s, time_point{1h}) == 0);
  CHECK_THROWS_AS(loaded(10s, time_point{1h - 1s}), std::runtime_error);
}

TEST_CASE("live: thresholds and times; what has begun ends no later than by the new ones") {
  bench any;
  auto with = defaults();
  any.calls(2, false);
  with.failure_threshold = 3;
  any.tested->reconfigure(with);
  any.calls(1, false);
  CHECK_FALSE(any.tested->closed());

  any.advance(2s);
  with.recovery_timeout = 1h;
  any.tested->reconfigure(with);
  CHECK(any.on.wake == any.on.now + 28s);
  with.recovery_timeout = 5s;
  with.success_threshold = 1;
  any.tested->reconfigure(with);
  any.advance(3s - 1ns);
  CHECK(any.refuses());
  any.advance(1ns);
  CHECK(any.ask() == SLUICE_GUARD_ALLOW);
  with.half_open_timeout = 100ms;
  any.tested->reconfigure(with);
  any.end(any.permit, true);
  CHECK(any.tested->closed());
  CHECK(any.on.wake == never);
}

TEST_CASE("live: on_open, and the state alone when it is another than before") {
  bench any;
  any.calls(5, false);
  auto with = defaults();
  with.on_open = sluice::circuit_breaker::on_open::keep_latest;
  any.tested->reconfigure(with);
  CHECK(any.ask() == SLUICE_GUARD_CONFLATE);  // open as before
  with.state = control::disabled;
  any.tested->reconfigure(with);
  CHECK(any.ask() == SLUICE_GUARD_ALLOW);
  any.tested->force(SLUICE_GUARD_FORCED_OPEN);
  any.tested->reconfigure(with);
  CHECK(any.ask() == SLUICE_GUARD_CONFLATE);
  with.state = control::automatic;
  any.tested->reconfigure(with);
  CHECK(any.tested->closed());
}

}  // namespace swap_test
