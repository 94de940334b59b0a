#include "ratio_controller.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace sluice::adaptive_sampler;
using namespace std::chrono_literals;

namespace {

/// Steps a controller every `apart` of virtual time.
struct steered {
  ratio_controller control{{1, 0.8, 0.5, 0.2}, {}};
  sluice::time_point now{};

  double step(std::uint32_t level, double offered, double capacity, double exempt = 0,
              sluice::duration apart = 100ms) {
    now += apart;
    control.step(now, {sizeof(sluice_pressure), level, offered, capacity, 0, 0}, exempt);
    return control.ratio();
  }
  /// In OVERLOAD, offered 1,000 a second and capable of half of it.
  double waiting(std::uint64_t pending) {
    for (int i = 0; i < 100; ++i)
      control.step(now += 100ms, {sizeof(sluice_pressure), SLUICE_OVERLOAD, 1'000, 500, pending, 0},
                   0);
    return control.ratio();
  }
  double settle(std::uint32_t level, double offered, double capacity, double exempt = 0) {
    for (int i = 0; i < 100; ++i) step(level, offered, capacity, exempt);
    return control.ratio();
  }
};

}  // namespace

TEST_CASE("the ratio goes to headroom * capacity / offered, inside the level's band") {
  steered any;
  CHECK(any.settle(SLUICE_OVERLOAD, 100, 50) == doctest::Approx(0.485));
  CHECK(any.settle(SLUICE_CRITICAL, 100, 70) == doctest::Approx(0.679));
  CHECK(any.settle(SLUICE_WARNING, 100, 95) == doctest::Approx(0.9215));
  CHECK(any.settle(SLUICE_WARNING, 100, 1000) == 1);
}

TEST_CASE(
    "what waits beyond 10 ms of the capacity is worked off in 250 ms, by half of it at most") {
  steered any;
  CHECK(any.waiting(5) == doctest::Approx(0.485));
  CHECK(any.waiting(30) == doctest::Approx(0.385));
  CHECK(any.waiting(5'000) == doctest::Approx(0.235));
}

TEST_CASE("the level's share is the floor: never less is kept") {
  steered any;
  CHECK(any.settle(SLUICE_WARNING, 100, 1) == 0.8);
  CHECK(any.settle(SLUICE_CRITICAL, 100, 1) == 0.5);
  CHECK(any.settle(SLUICE_OVERLOAD, 100, 1) == 0.2);
  // A better level's floor holds at once, and not only after walking up.
  CHECK(any.step(SLUICE_CRITICAL, 100, 1) == 0.5);
  CHECK(any.step(SLUICE_WARNING, 100, 1, 0, 1ms) == 0.8);
}

TEST_CASE("down at most 0.30, up at most 0.05 in 100 ms") {
  steered any;
  CHECK(any.step(SLUICE_OVERLOAD, 100, 1) == doctest::Approx(0.7));
  CHECK(any.step(SLUICE_OVERLOAD, 100, 1) == doctest::Approx(0.4));
  CHECK(any.step(SLUICE_OVERLOAD, 100, 1) == doctest::Approx(0.2));
  CHECK(any.step(SLUICE_OVERLOAD, 100, 100) == doctest::Approx(0.25));
  CHECK(any.step(SLUICE_HEALTHY, 100, 1) == doctest::Approx(0.30));
  CHECK(any.step(SLUICE_HEALTHY, 100, 0, 0, 40ms) == doctest::Approx(0.32));
  CHECK(any.step(SLUICE_HEALTHY, 100, 0, 0, 300ms) == doctest::Approx(0.47));
  for (int i = 0; i < 11; ++i) CHECK(any.step(SLUICE_HEALTHY, 100, 0) < 1 + 1e-12);
  CHECK(any.control.ratio() == 1);
}

TEST_CASE("a sink that was never saturated took all it was given, and is given all") {
  steered any;
  CHECK(any.settle(SLUICE_WARNING, 100, 0) == 1);
  CHECK(any.settle(SLUICE_OVERLOAD, 100, 0) == 1);
  CHECK(any.settle(SLUICE_HEALTHY, 100, 0) == 1);
  CHECK(any.settle(SLUICE_WARNING, 0, 0) == 1);
}

TEST_CASE("nothing offered calls for no sampling") {
  steered any;
  CHECK(any.settle(SLUICE_OVERLOAD, 0, 50) == 1);
}

TEST_CASE("what is exempt has its part of the capacity, down to the floor for the others") {
  steered any;
  const double ratio = any.settle(SLUICE_OVERLOAD, 100, 50, 0.2);
  CHECK(0.2 + 0.8 * ratio == doctest::Approx(0.485));
  CHECK(any.settle(SLUICE_OVERLOAD, 100, 50, 0.6) == 0.2);
  CHECK(any.settle(SLUICE_OVERLOAD, 100, 50, 1) == 1);
}
