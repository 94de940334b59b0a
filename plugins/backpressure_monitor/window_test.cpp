#include "window.hpp"
#include "random_test.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <random>
#include <string>

using namespace sluice::backpressure_monitor;

namespace {

reading seen(double at_s, double received, double published, double pending = 0) {
  reading made;
  made.at_s = at_s;
  at(made.total, total::received) = received;
  at(made.total, total::published) = published;
  made.pending = pending;
  return made;
}

}  // namespace

TEST_CASE("one reading makes no rate, and a ratio of 1") {
  window over{1};
  CHECK(over.rate_ratio() == 1);
  CHECK(over.per_second(total::received) == 0);
  over.add(seen(500, 1e9, 1, 7));  // what was before the monitor came is nobody's rate
  CHECK(over.span_s() == 0);
  CHECK(over.per_second(total::received) == 0);
  CHECK(over.rate_ratio() == 1);
  CHECK(over.error_ratio() == 0);
  CHECK(over.pending_max() == 7);
  CHECK_FALSE(over.full());
}

TEST_CASE("rates are differences over the time between the readings") {
  window recent{1}, longer{60};
  for (int i = 0; i <= 200; ++i) {
    // 1000/s for 100 s, then 500/s of which 100/s are published.
    const double first = std::min(i, 100), then = std::max(i - 100, 0);
    const reading next = seen(i, first * 1000 + then * 500, first * 1000 + then * 100);
    recent.add(next);
    longer.add(next);
    if (i == 50) CHECK(longer.per_second(total::received) == doctest::Approx(1000));
    if (i == 101) CHECK(recent.per_second(total::received) == doctest::Approx(500));
    if (i == 101) CHECK(recent.rate_ratio() == doctest::Approx(0.2));
    if (i == 130) CHECK(longer.per_second(total::received) == doctest::Approx(750));
    if (i == 130) CHECK(longer.rate_ratio() == doctest::Approx(33.0 / 45));
    if (i == 160) CHECK(longer.per_second(total::received) == doctest::Approx(500));
    if (i == 160) CHECK(longer.rate_ratio() == doctest::Approx(0.2));
  }
  CHECK(longer.span_s() == doctest::Approx(60));
  CHECK(longer.full());
}

TEST_CASE("a rate does not saturate, whatever comes and however often it is read") {
  std::mt19937_64 random{sluice::test_seed()};
  for (const double length : {1.0, 60.0, 3600.0}) {
    for (const double rate : {0.5, 1000.0, 5e6}) {
      CAPTURE(length);
      CAPTURE(rate);
      window over{length};
      std::uniform_real_distribution<double> step{0.1, 1.2};
      double now = 0;
      while (now < 3 * length) {
        now += step(random);
        over.add(seen(now, now * rate, now * rate));
        if (now < 2 * length) continue;
        CHECK(over.per_second(total::received) == doctest::Approx(rate));
        CHECK(std::abs(over.span_s() - length) <= std::max(1.2, length / 30));
        CHECK(over.full() == (over.span_s() >= 0.9 * length));
      }
    }
  }
}

TEST_CASE("readings that come a moment early or late are still of one second") {
  window over{1};
  double now = 0;
  for (int i = 0; i < 100; ++i) {
    now += i % 2 == 0 ? 0.97 : 1.03;
    over.add(seen(now, now, now));
    if (i > 1) CHECK(over.span_s() < 1.04);
  }
}

TEST_CASE("a counter that falls begins anew: no rate of two lives") {
  window over{60};
  for (int i = 0; i < 10; ++i) over.add(seen(i, i * 1000, i * 1000));
  over.add(seen(10, 400, 9'500));
  CHECK(over.per_second(total::received) == 0);
  CHECK(over.rate_ratio() == 1);
  over.add(seen(11, 900, 9'750));
  CHECK(over.per_second(total::received) == 500);
  CHECK(over.rate_ratio() == 0.5);
}

TEST_CASE("so does a time that stands still or goes back") {
  window over{60};
  over.add(seen(10, 10, 10));
  over.add(seen(11, 20, 20));
  over.add(seen(11, 30, 30));
  CHECK(over.per_second(total::received) == 0);
  over.add(seen(12, 40, 40));
  CHECK(over.per_second(total::received) == 10);
  over.add(seen(1, 50, 50));
  CHECK(over.per_second(total::received) == 0);
}

TEST_CASE("the deepest queue is remembered as long as the window, also among readings not kept") {
  window over{60};
  for (int i = 0; i <= 200; ++i) over.add(seen(0.1 * i, i, i, i == 33 ? 900 : 5));
  CHECK(over.pending_max() == 900);  // at 3.3 s
  for (int i = 201; i <= 640; ++i) over.add(seen(0.1 * i, i, i, 5));
  CHECK(over.pending_max() == 5);
}

TEST_CASE("errors are a share of the publishes that ended") {
  window over{1};
  over.add(seen(1, 0, 0));
  reading next = seen(2, 100, 30);
  at(next.total, total::failed) = 8;
  at(next.total, total::unknown) = 2;
  over.add(next);
  CHECK(over.attempts() == 40);
  CHECK(over.error_ratio() == 0.25);
}
