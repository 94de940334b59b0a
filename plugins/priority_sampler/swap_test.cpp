// What goes over in a swap, and what changes in place.
#include "priority_sampler.hpp"

#include "../testing/world.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace sluice::test;
using sluice::priority_sampler::priority_sampler;
using sluice::testing::input;

namespace {

priority_sampler::config defaults() { return {{"3"}, {"4", "5"}, 1, 0.8, 0.5, 0.2, 0.5, 1}; }

std::vector<input> traffic(std::mt19937_64& random) {
  std::vector<input> made(random() % 60);
  for (input& each : made) each.key = random() % 9;
  return made;
}

/// Of 100 records of one instrument.
std::size_t kept(world& on, priority_sampler& by, std::uint64_t key) {
  on.push(by, std::vector<input>(100, input{.key = key}));
  return on.outputs().size();
}

}  // namespace

TEST_CASE("a sampler that is swapped again and again keeps the records of one that is not") {
  std::mt19937_64 random{sluice::test_seed()};
  world here, there;
  priority_sampler stays{defaults(), here.host()};
  auto swapped = std::make_unique<priority_sampler>(defaults(), there.host());
  for (int i = 0; i < 2'000; ++i) {
    here.pressure.level = there.pressure.level = static_cast<std::uint32_t>(random() % 4);
    const auto records = traffic(random);
    here.push(stays, records);
    there.push(*swapped, records);
    REQUIRE(here.outputs() == there.outputs());
    if (random() % 5 != 0) continue;
    auto next = std::make_unique<priority_sampler>(defaults(), there.host());
    load(*next, state_of(*swapped));
    swapped = std::move(next);
  }
}

TEST_CASE("a state comes through unchanged, and nothing else is taken for one") {
  world here;
  std::mt19937_64 random{2};
  priority_sampler any{defaults(), here.host()};
  for (int i = 0; i < 9; ++i) here.push(any, traffic(random));
  check_state(
      state_of(any), [&] { return std::make_unique<priority_sampler>(defaults(), here.host()); },
      [&](priority_sampler& loaded) {
        here.push(loaded, traffic(random));
        here.outputs();
      });
}

TEST_CASE("live: the table, best effort's share and both lists") {
  world here;
  here.pressure.level = SLUICE_CRITICAL;
  auto with = defaults();
  priority_sampler any{with, here.host()};
  CHECK(kept(here, any, 3) == 100);
  CHECK(kept(here, any, 4) == doctest::Approx(25).epsilon(0.05));
  CHECK(kept(here, any, 1) == doctest::Approx(50).epsilon(0.03));
  with.keep_critical = with.keep_overload = 0.2;
  with.best_effort_share = 0.25;
  with.watch = {"1"};
  with.best_effort = {"3"};
  any.reconfigure(with);
  CHECK(kept(here, any, 1) == 100);
  CHECK(kept(here, any, 3) == 5);
  CHECK(kept(here, any, 4) == doctest::Approx(20).epsilon(0.06));
}

TEST_CASE("live: a change that changes nothing changes no record") {
  std::mt19937_64 random{sluice::test_seed()};
  world here, there;
  priority_sampler one{defaults(), here.host()}, other{defaults(), there.host()};
  for (int i = 0; i < 300; ++i) {
    here.pressure.level = there.pressure.level = static_cast<std::uint32_t>(random() % 4);
    const auto records = traffic(random);
    here.push(one, records);
    there.push(other, records);
    REQUIRE(here.outputs() == there.outputs());
    if (random() % 5 == 0) other.reconfigure(defaults());
  }
}
