#include "scenario/curve.hpp"

#include <sluice/abi.h>

#include <doctest/doctest.h>

namespace {

using sluice::scenario::curve;
constexpr std::int64_t s = 1'000'000'000;

TEST_CASE("steps and ramps have the area one would draw") {
  const curve load{{{0, 100}, {10 * s, 200}, {20 * s, 400, true}}};
  CHECK(load.at(5 * s) == 100);
  CHECK(load.at(10 * s) == 200);
  CHECK(load.at(15 * s) == doctest::Approx(300));
  CHECK(load.at(90 * s) == 400);
  CHECK(load.area(0, 10 * s) == doctest::Approx(1000));
  CHECK(load.area(10 * s, 20 * s) == doctest::Approx(3000));
  CHECK(load.area(5 * s, 25 * s) == doctest::Approx(500 + 3000 + 2000));
}

TEST_CASE("an amount is reached when its area is") {
  const curve load{{{0, 100}, {10 * s, 200}, {20 * s, 400, true}, {30 * s, 0, true}}};
  CHECK(load.reach(0, 500) == 5 * s);
  CHECK(load.reach(5 * s, 500 + 400) == doctest::Approx(11.8322 * s).epsilon(0.001));
  CHECK(load.area(12 * s, load.reach(12 * s, 1234)) == doctest::Approx(1234));
  CHECK(load.area(21 * s, load.reach(21 * s, 1234)) == doctest::Approx(1234));
  CHECK(load.reach(29 * s, 1e6) == SLUICE_NEVER);
}

TEST_CASE("before its first point there is nothing, and nothing is never reached") {
  const curve load{{{2 * s, 10}}};
  CHECK(load.at(s) == 0);
  CHECK(load.reach(0, 10) == 3 * s);
  CHECK(curve{{}}.reach(0, 1) == SLUICE_NEVER);
  CHECK(curve{{{0, 1e-300}}}.reach(0, 1) == SLUICE_NEVER);
  CHECK(curve{{}}.area(0, 10 * s) == 0);
}

TEST_CASE("a part can be scaled, also to nothing, also within a ramp") {
  curve load{{{0, 100}, {10 * s, 300, true}}};
  load.scale(4 * s, 6 * s, 0);
  CHECK(load.area(0, 10 * s) == doctest::Approx(2000 - 400));
  CHECK(load.reach(3 * s, 170) == 4 * s);
  CHECK(load.reach(4 * s, 110) > 6 * s);
  load.scale(20 * s, SLUICE_NEVER, 2);
  CHECK(load.at(19 * s) == 300);
  CHECK(load.at(21 * s) == 600);
}

}  // namespace
