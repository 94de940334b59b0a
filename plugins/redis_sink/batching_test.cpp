#include "batching.hpp"

#include "backoff.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace sluice::redis_sink;
using namespace std::chrono_literals;

TEST_CASE("batching: nothing waits while nothing is in flight") {
  const batching rule{100, 100ms, 4};
  CHECK(rule.decide(0, 0ns, 0).take == 0);
  CHECK(rule.decide(0, 0ns, 0).wait == 0ns);
  CHECK(rule.decide(1, 0ns, 0).take == 1);
  CHECK(rule.decide(99, 0ns, 0).take == 99);
  CHECK(rule.decide(10'000, 0ns, 0).take == 100);
}

TEST_CASE("batching: behind a batch in flight, a full batch or the interval") {
  const batching rule{100, 100ms, 4};
  for (std::uint32_t in_flight = 1; in_flight < 4; ++in_flight) {
    CHECK(rule.decide(100, 0ns, in_flight).take == 100);
    CHECK(rule.decide(99, 0ns, in_flight).take == 0);
    CHECK(rule.decide(99, 0ns, in_flight).wait == 100ms);
    CHECK(rule.decide(99, 99ms, in_flight).wait == 1ms);
    CHECK(rule.decide(99, 100ms, in_flight).take == 99);
    CHECK(rule.decide(1, 5s, in_flight).take == 1);
  }
}

TEST_CASE("batching: a full window takes nothing and asks for no timer") {
  const batching rule{100, 100ms, 4};
  CHECK(rule.decide(10'000, 5s, 4).take == 0);
  CHECK(rule.decide(10'000, 5s, 4).wait == 0ns);
}

TEST_CASE("batching: an interval of zero sends at once") {
  const batching rule{100, 0ns, 2};
  CHECK(rule.decide(1, 0ns, 1).take == 1);
}

TEST_CASE("backoff: full jitter below a ceiling that doubles, and never ends") {
  backoff wait{50ms, 500ms, 1};
  for (int round = 0; round < 200; ++round) {
    wait.reset();
    sluice::duration ceiling = 50ms;
    for (int i = 0; i < 40; ++i) {
      const sluice::duration next = wait.next();
      CHECK(next >= 0ns);
      CHECK(next <= ceiling);
      ceiling = std::min<sluice::duration>(ceiling * 2, 500ms);
    }
  }
}

TEST_CASE("backoff: spreads over the whole range, differently by seed") {
  backoff a{100ms, 100ms, 1}, b{100ms, 100ms, 2};
  int low = 0, same = 0;
  for (int i = 0; i < 1'000; ++i) {
    const auto x = a.next(), y = b.next();
    low += x < 50ms;
    same += x == y;
  }
  CHECK(low > 400);
  CHECK(low < 600);
  CHECK(same == 0);
}

TEST_CASE("backoff: a refusal waits around its own delay") {
  backoff wait{50ms, 500ms, 3};
  for (int i = 0; i < 1'000; ++i) {
    const auto next = wait.refused(10s);
    CHECK(next >= 5s);
    CHECK(next <= 15s);
  }
}
