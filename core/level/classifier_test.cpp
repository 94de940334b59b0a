#include "level/classifier.hpp"

#include <doctest/doctest.h>

#include <cstdint>

namespace classifier_test {

using namespace sluice;

namespace {

constexpr std::int64_t slot = 100'000'000, second = 1'000'000'000;

/// A sink that is sampled every 100 ms.
struct watched {
  config::level_spec rows;
  levels::standing at;
  std::int64_t now = 0;
  std::uint32_t changes = 0;

  std::uint32_t see(const levels::sample& sample, std::int64_t how_long = slot) {
    for (std::int64_t end = now + how_long; now < end;) {
      const std::uint32_t before = at.level;
      at = levels::advance(rows, at, sample, now += slot);
      changes += at.level != before;
    }
    return at.level;
  }
};

}  // namespace

TEST_CASE("a sink of which nothing was asked is healthy") {
  watched sink;
  CHECK(sink.see({}) == SLUICE_HEALTHY);
  CHECK(sink.at.text.empty());
}

// The rows of the requirement's table.
TEST_CASE("1.B HEALTHY: rate_ratio >= 0.95, latency < 10 ms, pending < 100") {
  CHECK(levels::worst({}, {.ratio = 0.95, .latency_ns = 9'999'999, .pending = 99}).level ==
        SLUICE_HEALTHY);
}

TEST_CASE("1.B WARNING: rate_ratio >= 0.80, latency < 50 ms, pending < 500") {
  CHECK(levels::worst({}, {.ratio = 0.949}).level == SLUICE_WARNING);
  CHECK(levels::worst({}, {.latency_ns = 10'000'000}).level == SLUICE_WARNING);
  CHECK(levels::worst({}, {.pending = 100}).level == SLUICE_WARNING);
  CHECK(levels::worst({}, {.ratio = 0.80, .latency_ns = 49'999'999, .pending = 499}).level ==
        SLUICE_WARNING);
}

TEST_CASE("1.B CRITICAL: rate_ratio >= 0.50, latency < 200 ms, pending < 2000") {
  CHECK(levels::worst({}, {.ratio = 0.799}).level == SLUICE_CRITICAL);
  CHECK(levels::worst({}, {.latency_ns = 50'000'000}).level == SLUICE_CRITICAL);
  CHECK(levels::worst({}, {.pending = 500}).level == SLUICE_CRITICAL);
  CHECK(levels::worst({}, {.ratio = 0.50, .latency_ns = 199'999'999, .pending = 1'999}).level ==
        SLUICE_CRITICAL);
}

TEST_CASE("1.B OVERLOAD: rate_ratio < 0.50, latency from 200 ms, pending from 2000") {
  CHECK(levels::worst({}, {.ratio = 0.499}).level == SLUICE_OVERLOAD);
  CHECK(levels::worst({}, {.latency_ns = 200'000'000}).level == SLUICE_OVERLOAD);
  CHECK(levels::worst({}, {.pending = 2'000}).level == SLUICE_OVERLOAD);
}

TEST_CASE("the worst signal decides and is named with its values") {
  const auto made = levels::worst({}, {.ratio = 0.9, .latency_ns = 81'000'000, .pending = 120});
  CHECK(made.level == SLUICE_CRITICAL);
  CHECK(made.cause == "latency");
  CHECK(made.text == "latency 81.0 ms >= 50 ms");
}

TEST_CASE("a guard that is not closed is CRITICAL, and no less than what is worse") {
  levels::sample open;
  open.guard_closed = false;
  CHECK(levels::worst({}, open).level == SLUICE_CRITICAL);
  CHECK(levels::worst({}, open).cause == "guard");
  open.pending = 5'000;
  CHECK(levels::worst({}, open).level == SLUICE_OVERLOAD);
}

TEST_CASE("a plugin's signal counts like the core's own") {
  levels::sample seen;
  seen.contributed = {SLUICE_WARNING, "memory", "memory 91 % >= 85 %"};
  CHECK(levels::worst({}, seen).cause == "memory");
  watched sink;
  CHECK(sink.see(seen) == SLUICE_WARNING);
  CHECK(sink.see(seen, 60 * second) == SLUICE_WARNING);
  CHECK(sink.see({}, 3 * second) == SLUICE_HEALTHY);
}

TEST_CASE("up at once and several levels in one step, down one level each two seconds") {
  watched sink;
  CHECK(sink.see({.latency_ns = 300'000'000}) == SLUICE_OVERLOAD);
  CHECK(sink.at.cause == "latency");
  CHECK(sink.see({}, 2 * second) == SLUICE_OVERLOAD);
  CHECK(sink.see({}) == SLUICE_CRITICAL);
  CHECK(sink.see({}, 2 * second - slot) == SLUICE_CRITICAL);
  CHECK(sink.see({}) == SLUICE_WARNING);
  CHECK(sink.see({}, 2 * second) == SLUICE_HEALTHY);
  CHECK(sink.at.text.empty());
  CHECK(sink.changes == 4);
}

TEST_CASE("a level is left only beyond its exit threshold, for each signal") {
  const config::level_spec rows;
  for (std::uint32_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    const auto share = static_cast<std::int64_t>(static_cast<double>(rows.latency_ns[i]) * 0.7);
    const auto some = static_cast<std::uint64_t>(static_cast<double>(rows.pending[i]) * 0.7);
    for (const levels::sample& still :
         {levels::sample{.ratio = rows.ratio_exit[i] - 0.001},
          levels::sample{.latency_ns = share + 1'000}, levels::sample{.pending = some + 1}}) {
      watched sink;
      sink.see({.ratio = rows.ratio[i] - 0.01});
      CHECK(sink.see(still, 30 * second) == i + 1);
    }
    watched sink;
    sink.see({.ratio = rows.ratio[i] - 0.01});
    CHECK(sink.see({.ratio = rows.ratio_exit[i], .latency_ns = share, .pending = some},
                   2 * second + slot) == i);
  }
}

TEST_CASE("one bad sample begins the hold anew") {
  watched sink;
  sink.see({.pending = 100});
  sink.see({}, 2 * second - slot);
  sink.see({.pending = 99});  // not WARNING's to enter, but not beyond its exit either
  CHECK(sink.see({}, 2 * second) == SLUICE_WARNING);
  CHECK(sink.see({}) == SLUICE_HEALTHY);
}

TEST_CASE("a relapse within a minute doubles the hold up to 16 s, quiet minutes halve it") {
  watched sink;
  const auto recovery = [&] {
    sink.see({.pending = 100});
    const std::int64_t began = sink.now;
    while (sink.see({}) != SLUICE_HEALTHY) {
    }
    return (sink.now - began) / second;
  };
  CHECK(recovery() == 2);
  CHECK(recovery() == 4);
  CHECK(recovery() == 8);
  CHECK(recovery() == 16);
  CHECK(recovery() == 16);
  sink.see({}, 61 * second);
  CHECK(recovery() == 8);
  sink.see({}, 200 * second);
  CHECK(recovery() == 2);
}

TEST_CASE("a relapse that takes three steps up is one relapse") {
  watched sink;
  sink.see({.pending = 100});
  while (sink.see({}) != SLUICE_HEALTHY) {
  }
  for (const std::uint64_t pending : {100, 500, 2000}) sink.see({.pending = pending});
  REQUIRE(sink.see({}) == SLUICE_OVERLOAD);
  const std::int64_t began = sink.now;
  while (sink.see({}) != SLUICE_HEALTHY) {
  }
  CHECK((sink.now - began) / second == 3 * 4);
}

TEST_CASE("noise of 30 % round a threshold: at most two changes a minute") {
  watched sink;
  for (std::uint32_t i = 0; i < 10 * 600; ++i)
    sink.see({.pending = (i * 2'654'435'761u >> 16) % 61 + 70});
  CHECK(sink.changes <= 20);
}

TEST_CASE("an unanswered call counts with its age, and is told as what it is") {
  const auto made = levels::worst({}, {.latency_ns = 600'000, .unanswered_ns = 81'000'000});
  CHECK(made.level == SLUICE_CRITICAL);
  CHECK(made.cause == "latency");
  CHECK(made.text == "latency of an unanswered call 81.0 ms >= 50 ms");
  watched sink;
  CHECK(sink.see({.unanswered_ns = 300'000'000}) == SLUICE_OVERLOAD);
  CHECK(sink.see({.unanswered_ns = 141'000'000}, 5 * second) == SLUICE_OVERLOAD);
  CHECK(sink.see({.unanswered_ns = 6'000'000}, 10 * second) == SLUICE_HEALTHY);
}

TEST_CASE("what holds a level is told as of now, not as of when it began") {
  watched sink;
  sink.see({.latency_ns = 300'000'000});
  CHECK(sink.at.text == "latency 300.0 ms >= 200 ms");
  sink.see({.pending = 1'500});
  CHECK(sink.at.level == SLUICE_OVERLOAD);
  CHECK(sink.at.cause == "pending");
  CHECK(sink.at.text == "pending 1500 > 1400");
  sink.see({});
  CHECK(sink.at.level == SLUICE_OVERLOAD);
  CHECK(sink.at.cause == "recovery");
  CHECK(sink.at.text == "recovers, every signal is better");
  CHECK(sink.see({.ratio = 0.85}, 2 * second) == SLUICE_CRITICAL);
  CHECK(sink.at.cause == "ratio");
  CHECK(sink.at.text == "ratio 0.85 < 0.90");
  CHECK(sink.see({}, 2 * second + slot) == SLUICE_WARNING);
  CHECK(sink.at.text == "recovers, every signal is better");
  levels::sample open;
  open.guard_closed = false;
  sink.see(open);
  CHECK(sink.at.text == "its guard is not closed");
}

}  // namespace classifier_test
