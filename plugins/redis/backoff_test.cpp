#include "backoff.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace backoff_test {

using namespace sluice;
using namespace sluice::redis;
using namespace std::chrono_literals;

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

}  // namespace backoff_test
