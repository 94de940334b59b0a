#include "level/classifier.hpp"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("a sink of which nothing was asked is healthy") {
  const levels::verdict made = levels::classify({}, {});
  CHECK(made.level == SLUICE_HEALTHY);
  CHECK(made.cause.empty());
}

TEST_CASE("each row of the level table is entered at its threshold and not before") {
  const config::level_spec rows;
  for (std::uint32_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(levels::classify(rows, {.ratio = rows.ratio[i]}).level == i);
    CHECK(levels::classify(rows, {.ratio = rows.ratio[i] - 0.01}).level == i + 1);
    CHECK(levels::classify(rows, {.latency_ns = rows.latency_ns[i] - 1}).level == i);
    CHECK(levels::classify(rows, {.latency_ns = rows.latency_ns[i]}).level == i + 1);
    CHECK(levels::classify(rows, {.pending = rows.pending[i] - 1}).level == i);
    CHECK(levels::classify(rows, {.pending = rows.pending[i]}).level == i + 1);
  }
}

TEST_CASE("the worst signal decides and is named with its values") {
  const auto made = levels::classify({}, {.ratio = 0.9, .latency_ns = 81'000'000, .pending = 120});
  CHECK(made.level == SLUICE_CRITICAL);
  CHECK(made.cause == "latency 81.0 ms >= 50 ms");
}
