#include "batching.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace batching_test {

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

}  // namespace batching_test
