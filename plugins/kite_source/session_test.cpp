#include "session.hpp"
#include "random_test.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace std::chrono_literals;

namespace sluice::kite_source::session_test {
namespace {

constexpr std::uint64_t old_token = 11, new_token = 22;

struct bench {
  policy rules{};
  dial_gate gate{rules, 7};
  session one{rules, gate}, two{rules, gate};
  time_point now{100s};

  step tick(session& of, bool market_open = true) { return of.tick(now, market_open); }
  void dial(session& of, std::uint64_t token = old_token) {
    REQUIRE(tick(of) == step::read_token);
    REQUIRE(of.token(now, token));
    REQUIRE(of.now_in() == state::connecting);
  }
  void go_live(session& of) {
    of.start(now);
    dial(of);
    of.opened(now);
    REQUIRE(of.now_in() == state::live);
  }
  /// As the owner would: to the next deadline, until a dial.
  void redial(session& of, std::uint64_t token = old_token) {
    now = of.deadline(now);
    dial(of, token);
  }
};

TEST_CASE("a session does nothing before it is started and after it is stopped") {
  bench b;
  CHECK(b.tick(b.one) == step::none);
  CHECK(b.one.deadline(b.now) == never);
  b.one.start(b.now);
  b.one.stop();
  CHECK(b.tick(b.one) == step::none);
  CHECK(b.one.deadline(b.now) == never);
}

TEST_CASE("a start dials at once and an accepted dial is live") {
  bench b;
  b.go_live(b.one);
  CHECK(b.one.open());
  CHECK_FALSE(b.one.gap_open());
  CHECK(b.one.deadline(b.now) == b.now + 2500ms);
}

TEST_CASE("one dial at a time for a key") {
  bench b;
  b.one.start(b.now);
  b.two.start(b.now);
  b.dial(b.one);
  CHECK(b.tick(b.two) == step::none);
  CHECK(b.two.deadline(b.now) == never);
  b.one.opened(b.now);
  CHECK(b.two.deadline(b.now) == b.now);
  b.dial(b.two);
}

TEST_CASE("stopping a session that dials frees the gate") {
  bench b;
  b.one.start(b.now);
  b.two.start(b.now);
  b.dial(b.one);
  b.one.stop();
  b.dial(b.two);
}

TEST_CASE("a dial that takes too long is aborted and backs off") {
  bench b;
  b.one.start(b.now);
  b.dial(b.one);
  CHECK(b.one.deadline(b.now) == b.now + 10s);
  b.now += 10s - 1ns;
  CHECK(b.tick(b.one) == step::none);
  b.now += 1ns;
  CHECK(b.tick(b.one) == step::dial_timeout);
  CHECK(b.one.now_in() == state::backoff);
}

TEST_CASE("network errors back off with full jitter up to the limit and never give up") {
  bench b;
  const std::uint64_t seed = test_seed();
  dial_gate gate{b.rules, seed};
  session one{b.rules, gate};
  one.start(b.now);
  duration longest{};
  for (int attempt = 0; attempt < 10'000; ++attempt) {
    REQUIRE(one.tick(b.now, true) == step::read_token);
    REQUIRE(one.token(b.now, old_token));
    one.lost(b.now);
    const duration wait = one.deadline(b.now) - b.now;
    const duration limit = attempt < 6 ? duration{1s} * (1 << attempt) : duration{60s};
    REQUIRE(wait >= 0s);
    REQUIRE(wait <= limit);
    longest = std::max(longest, wait);
    b.now += wait;
  }
  CHECK(longest > 55s);
}

TEST_CASE("a life long enough starts the backoff anew, a short one does not") {
  bench b;
  b.one.start(b.now);
  for (int i = 0; i < 12; ++i) {
    b.redial(b.one);
    b.one.opened(b.now);
    b.now += 1s;
    b.one.lost(b.now);
  }
  duration longest{};
  for (int i = 0; i < 40; ++i) {
    longest = std::max(longest, b.one.deadline(b.now) - b.now);
    b.redial(b.one);
    b.one.lost(b.now);
  }
  CHECK(longest > 1s);
  b.redial(b.one);
  b.one.opened(b.now);
  b.now += 10s;
  b.one.lost(b.now);
  CHECK(b.one.deadline(b.now) - b.now <= 1s);
}

TEST_CASE("a refused token is not dialled again, a new one is") {
  for (const unsigned status : {401u, 403u}) {
    CAPTURE(status);
    bench b;
    b.one.start(b.now);
    b.dial(b.one);
    b.one.refused(b.now, status);
    CHECK(b.one.now_in() == state::auth_wait);
    for (int poll = 0; poll < 100; ++poll) {
      b.now = b.one.deadline(b.now);
      REQUIRE(b.tick(b.one) == step::read_token);
      REQUIRE_FALSE(b.one.token(b.now, old_token));
      REQUIRE(b.one.now_in() == state::auth_wait);
    }
    b.redial(b.one, new_token);
    b.one.opened(b.now);
    CHECK(b.one.now_in() == state::live);
  }
}

TEST_CASE("a token refused to one socket is not dialled by another, an open one lives on") {
  bench b;
  b.go_live(b.one);
  b.two.start(b.now);
  b.dial(b.two, new_token);
  b.two.refused(b.now, 403);
  CHECK(b.one.now_in() == state::live);
  b.one.lost(b.now);
  b.now = b.one.deadline(b.now);
  CHECK(b.tick(b.one) == step::read_token);
  CHECK_FALSE(b.one.token(b.now, new_token));
  CHECK(b.one.now_in() == state::auth_wait);
}

TEST_CASE("a refused token is probed once each token_retry") {
  bench b;
  b.one.start(b.now);
  b.dial(b.one);
  const time_point refused = b.now;
  b.one.refused(b.now, 403);
  int dials = 0;
  while (b.now < refused + 1000s) {
    b.now = b.one.deadline(b.now);
    REQUIRE(b.tick(b.one) == step::read_token);
    if (!b.one.token(b.now, old_token)) continue;
    ++dials;
    b.one.refused(b.now, 403);
  }
  CHECK(dials == 3);

  b.rules.token_retry = 0s;
  for (int poll = 0; poll < 1000; ++poll) {
    b.now = b.one.deadline(b.now);
    REQUIRE(b.tick(b.one) == step::read_token);
    REQUIRE_FALSE(b.one.token(b.now, old_token));
  }
}

TEST_CASE("a missing token is waited for and keeps nobody else from dialling") {
  bench b;
  b.one.start(b.now);
  b.two.start(b.now);
  REQUIRE(b.tick(b.one) == step::read_token);
  b.one.wait_for_token(b.now);
  CHECK(b.one.now_in() == state::auth_wait);
  CHECK(b.one.deadline(b.now) == b.now + 2s);
  b.dial(b.two);
}

TEST_CASE("429 pauses every dial of the key for a minute or more, longer each time") {
  bench b;
  b.one.start(b.now);
  b.two.start(b.now);
  duration least = 60s;
  for (int i = 0; i < 6; ++i) {
    b.dial(b.one);
    b.one.refused(b.now, 429);
    CHECK(b.one.now_in() == state::backoff);
    const time_point free = b.one.deadline(b.now);
    CHECK(free - b.now >= least);
    CHECK(free - b.now <= least * 5 / 4);
    CHECK(b.two.deadline(b.now) == free);
    b.now = free - 1ns;
    CHECK(b.tick(b.two) == step::none);
    b.now = free;
    if (least < 480s) least *= 2;
  }
  b.dial(b.one);
  b.one.opened(b.now);
  b.dial(b.two);
  b.two.refused(b.now, 429);
  CHECK(b.two.deadline(b.now) - b.now <= 75s);
  CHECK(b.one.now_in() == state::live);
}

TEST_CASE("400 stops the socket, other refusals are network errors") {
  bench b;
  b.one.start(b.now);
  b.two.start(b.now);
  b.dial(b.one);
  b.one.refused(b.now, 400);
  CHECK(b.one.now_in() == state::stopped);
  b.dial(b.two);
  b.two.refused(b.now, 503);
  CHECK(b.two.now_in() == state::backoff);
}

TEST_CASE("silence of 5 s ends a connection, any frame puts it off") {
  bench b;
  b.go_live(b.one);
  for (int i = 0; i < 10; ++i) {
    b.now += 4s;
    CHECK(b.tick(b.one) == step::ping);
    CHECK(b.tick(b.one) == step::none);
    b.one.frame(b.now);
  }
  b.now += 3s;
  CHECK(b.tick(b.one) == step::ping);
  b.now += 2s - 1ns;
  CHECK(b.tick(b.one) == step::none);
  b.now += 1ns;
  CHECK(b.tick(b.one) == step::silent);
  CHECK(b.one.now_in() == state::backoff);
}

TEST_CASE("heartbeats only: one redial, then an alarm, until fresh ticks come") {
  bench b;
  b.go_live(b.one);
  const auto beat_until = [&b](step wanted) {
    for (int i = 0; i < 1000; ++i) {
      b.now += 1s;
      b.one.frame(b.now);
      const step found = b.tick(b.one);
      if (found == wanted) return i + 1;
      REQUIRE(found == step::none);
    }
    return 0;
  };
  CHECK(beat_until(step::stalled) == 120);
  CHECK(b.one.now_in() == state::backoff);
  b.redial(b.one);
  b.one.opened(b.now);
  CHECK_FALSE(b.one.ticks(b.now, false));  // the cached ticks of a new subscription prove nothing
  CHECK(beat_until(step::stalled_again) == 120);
  CHECK(b.one.now_in() == state::stale);
  CHECK(b.one.open());
  CHECK(beat_until(step::stalled) == 0);
  CHECK(b.one.ticks(b.now, true));
  CHECK(b.one.now_in() == state::live);
  CHECK(beat_until(step::stalled) == 120);
}

TEST_CASE("a stale socket is still watched for silence") {
  bench b;
  b.rules.stall = 3s;
  b.go_live(b.one);
  b.now += 3s;
  b.one.frame(b.now);
  CHECK(b.tick(b.one) == step::stalled);
  b.redial(b.one);
  b.one.opened(b.now);
  b.now += 3s;
  b.one.frame(b.now);
  CHECK(b.tick(b.one) == step::stalled_again);
  b.now += 5s;
  CHECK(b.tick(b.one) == step::silent);
}

TEST_CASE("half of the silence is over: the network is asked once, and only a frame is life") {
  bench b;
  b.go_live(b.one);
  CHECK(b.one.deadline(b.now) == b.now + 2500ms);
  const time_point heard = b.now;
  b.now += 2500ms;
  CHECK(b.tick(b.one) == step::ping);
  CHECK(b.one.deadline(b.now) == heard + 5s);
  b.now += 1s;
  CHECK(b.tick(b.one) == step::none);
  b.one.frame(b.now);
  b.now += 2500ms;
  CHECK(b.tick(b.one) == step::ping);
  b.now += 2500ms - 1ns;
  CHECK(b.tick(b.one) == step::none);
  b.now += 1ns;
  CHECK(b.tick(b.one) == step::silent);
}

TEST_CASE("heartbeats only are right while the market is closed, and when stall is 0") {
  bench b;
  b.go_live(b.one);
  for (int i = 0; i < 1000; ++i) {
    b.now += 1s;
    b.one.frame(b.now);
    REQUIRE(b.tick(b.one, false) == step::none);
  }
  b.now += 1s;
  b.one.frame(b.now);
  CHECK(b.tick(b.one, true) == step::none);  // it has just opened
  b.rules.stall = 0s;
  for (int i = 0; i < 1000; ++i) {
    b.now += 1s;
    b.one.frame(b.now);
    REQUIRE(b.tick(b.one, true) == step::none);
  }
}

TEST_CASE("a gap runs from the last frame to the first ticks, over failed dials") {
  bench b;
  b.go_live(b.one);
  b.now += 3s;
  b.one.frame(b.now);
  const time_point last = b.now;
  b.now += 2s;
  b.one.lost(b.now);
  CHECK(b.one.gap_from() == last);
  CHECK_FALSE(b.one.take_gap(b.now));
  for (int i = 0; i < 3; ++i) {
    b.redial(b.one);
    b.one.lost(b.now);
  }
  b.redial(b.one);
  b.one.opened(b.now);
  CHECK_FALSE(b.one.take_gap(b.now));
  b.now += 1s;
  b.one.frame(b.now);
  b.one.ticks(b.now, false);
  const auto found = b.one.take_gap(b.now);
  REQUIRE(found);
  CHECK(found->from == last);
  CHECK(found->to == b.now);
  CHECK_FALSE(b.one.take_gap(b.now));
}

TEST_CASE("a gap ends without ticks when the socket is back for as long as silence may last") {
  bench b;
  b.go_live(b.one);
  const time_point last = b.now;
  b.one.lost(b.now);
  b.redial(b.one);
  b.one.opened(b.now);
  b.now += 4s;
  b.one.frame(b.now);
  CHECK_FALSE(b.one.take_gap(b.now));
  b.now += 1s;
  const auto found = b.one.take_gap(b.now);
  REQUIRE(found);
  CHECK(found->from == last);
}

TEST_CASE("a connection cut again before its first tick makes one long gap") {
  bench b;
  b.go_live(b.one);
  const time_point last = b.now;
  b.one.lost(b.now);
  b.redial(b.one);
  b.one.opened(b.now);
  b.now += 1s;
  b.one.frame(b.now);
  b.one.lost(b.now);
  CHECK(b.one.gap_from() == last);
  b.one.stop();
  CHECK(b.one.gap_from() == last);
}

TEST_CASE("what never was open has no gap") {
  bench b;
  b.one.start(b.now);
  b.dial(b.one);
  b.one.lost(b.now);
  b.redial(b.one);
  b.one.opened(b.now);
  b.one.ticks(b.now, true);
  CHECK_FALSE(b.one.take_gap(b.now));
}

TEST_CASE("jitter is even, bounded and repeatable") {
  jitter first{1}, same{1}, other{2};
  duration sum{}, difference{};
  for (int i = 0; i < 10'000; ++i) {
    const duration value = first.up_to(1s);
    REQUIRE(value >= 0s);
    REQUIRE(value <= 1s);
    REQUIRE(value == same.up_to(1s));
    difference += value - other.up_to(1s);
    sum += value;
  }
  CHECK(sum > 4800s);
  CHECK(sum < 5200s);
  CHECK(difference != 0s);
  CHECK(first.up_to(0s) == 0s);
}

TEST_CASE("states have the names people know") {
  CHECK(name_of(state::auth_wait) == "AUTH_WAIT");
  CHECK(name_of(state::stopped) == "STOPPED");
}

}  // namespace
}  // namespace sluice::kite_source::session_test
