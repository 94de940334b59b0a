// What goes over in a swap, and what changes in place.
#include "adaptive_sampler.hpp"

#include "../testing/world.hpp"
#include "random_test.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace std::chrono_literals;
using namespace sluice::test;
using sluice::adaptive_sampler::adaptive_sampler;
using sluice::sampling::section;
using sluice::testing::harness;
using sluice::testing::input;

namespace {

using mode = adaptive_sampler::mode;
using method = adaptive_sampler::method;

adaptive_sampler::config defaults() {
  return {1, 0.8, 0.5, 0.2, mode::adaptive, method::per_key, 0.97, 0.30, 0.05, true, 1};
}

std::vector<input> traffic(std::mt19937_64& random, std::uint64_t keys) {
  std::vector<input> made(random() % 60);
  for (input& each : made) {
    each.key = random() % (1 + random() % keys);  // some are busy
    const auto kind = random() % 12;
    each.priority = kind == 0   ? sluice::priority::high
                    : kind == 1 ? sluice::priority::low
                                : sluice::priority::normal;
  }
  return made;
}

sluice_pressure pressure(std::mt19937_64& random) {
  return {sizeof(sluice_pressure),
          static_cast<std::uint32_t>(random() % 4),
          1'000,
          static_cast<double>(random() % 1'000),
          random() % 300,
          0};
}

/// An object that has seen a second of traffic in OVERLOAD.
std::unique_ptr<adaptive_sampler> seasoned(world& on, const adaptive_sampler::config& with) {
  auto made = std::make_unique<adaptive_sampler>(with, on.host());
  std::mt19937_64 random{7};
  on.pressure = {sizeof(sluice_pressure), SLUICE_OVERLOAD, 1'000, 400, 0, 0};
  for (int i = 0; i < 11; ++i) {
    on.push(*made, traffic(random, 6));
    on.advance(*made, 100ms);
  }
  on.push(*made, traffic(random, 6));
  on.outputs();
  return made;
}

/// Of 100 records of one instrument.
std::size_t kept(world& on, adaptive_sampler& by, std::uint64_t key = 1) {
  on.push(by, std::vector<input>(100, input{.key = key}));
  return on.outputs().size();
}

}  // namespace

TEST_CASE("a sampler that is swapped again and again keeps the records of one that is not") {
  std::mt19937_64 random{sluice::test_seed()};
  for (const mode how : {mode::adaptive, mode::fixed})
    for (const method by : {method::per_key, method::random, method::systematic}) {
      auto with = defaults();
      with.mode = how;
      with.method = by;
      world here, there;
      adaptive_sampler stays{with, here.host()};
      auto swapped = std::make_unique<adaptive_sampler>(with, there.host());
      for (int i = 0; i < sluice::test_rounds(600); ++i) {
        if (random() % 10 == 0) here.pressure = there.pressure = pressure(random);
        const auto records = traffic(random, 30);
        here.push(stays, records);
        there.push(*swapped, records);
        REQUIRE(here.outputs() == there.outputs());
        here.now = there.now += std::chrono::milliseconds{random() % 150};
        if (random() % 5 != 0) continue;
        auto next = std::make_unique<adaptive_sampler>(with, there.host());
        load(*next, state_of(*swapped));
        swapped = std::move(next);
      }
    }
}

TEST_CASE("a state comes through unchanged, and nothing else is taken for one") {
  for (const bool fair : {true, false}) {
    world here;
    auto with = defaults();
    with.fair = fair;
    const bytes state = state_of(*seasoned(here, with));
    std::mt19937_64 random{1};
    check_state(
        state, [&] { return std::make_unique<adaptive_sampler>(with, here.host()); },
        [&](adaptive_sampler& any) {
          for (int i = 0; i < 3; ++i) {
            here.push(any, traffic(random, 9));
            here.now += 100ms;
          }
          here.outputs();
        });
  }
}

TEST_CASE("it begins with the ratio of the sampler before, whatever else that knew") {
  sluice::state_writer out;
  sluice::sampling::put_section(out, section::ratio, [](auto& to) { to.put(0.3); });
  sluice::sampling::end_sections(out);
  world here;
  adaptive_sampler next{defaults(), here.host()};
  load(next, out.bytes());
  here.pressure = {sizeof(sluice_pressure), SLUICE_OVERLOAD, 1'000, 400, 0, 0};
  CHECK(kept(here, next) == doctest::Approx(35).epsilon(0.03));  // one step of 0.05 towards 0.388
}

TEST_CASE("a level that is none is refused") {
  sluice::state_writer out;
  sluice::sampling::put_section(out, section::control, [](auto& to) {
    to.put(std::uint32_t{4});
    for (int i = 0; i < 4; ++i) to.put(0.0);
  });
  sluice::sampling::end_sections(out);
  world here;
  adaptive_sampler next{defaults(), here.host()};
  CHECK_THROWS_AS(load(next, out.bytes()), std::runtime_error);
}

TEST_CASE("shares that are not in force are forgotten, not kept for later") {
  world here;
  auto with = defaults();
  const bytes fair = state_of(*seasoned(here, with));
  with.fair = false;
  adaptive_sampler next{with, here.host()};
  load(next, fair);
  CHECK(kept(here, next, 50) <= 50);
  with.fair = true;
  next.reconfigure(with);
  CHECK(kept(here, next, 51) <= 50);  // by the rates of before, a new one were kept whole
}

TEST_CASE("with other settings the state goes over as far as it has a meaning") {
  world here;
  const bytes fair = state_of(*seasoned(here, defaults()));
  auto fixed = defaults();
  fixed.mode = mode::fixed;
  fixed.keep_overload = 0.1;
  adaptive_sampler next{fixed, here.host()};
  load(next, fair);
  CHECK(kept(here, next) <= 11);
  adaptive_sampler back{defaults(), here.host()};
  load(back, state_of(next));
  CHECK(kept(here, back) <= 25);  // the floor, from 0.1 on
}

TEST_CASE("live: another table, mode, method and fairness from the next batch on, phases go on") {
  world here;
  auto with = defaults();
  with.mode = mode::fixed;
  adaptive_sampler any{with, here.host()};
  here.pressure.level = SLUICE_OVERLOAD;
  CHECK(kept(here, any) == doctest::Approx(20).epsilon(0.06));
  with.keep_overload = 0.1;
  any.reconfigure(with);
  CHECK(kept(here, any) == doctest::Approx(10).epsilon(0.11));

  // From a fixed tenth to what fits: in steps, from there.
  with.mode = mode::adaptive;
  with.keep_overload = 0.05;
  here.pressure.offered_per_s = 1'000;
  here.pressure.capacity_per_s = 970;
  any.reconfigure(with);
  CHECK(kept(here, any) == doctest::Approx(15).epsilon(0.11));
  here.now += 100ms;
  with.up_step = 0.5;
  any.reconfigure(with);
  CHECK(kept(here, any) == doctest::Approx(65).epsilon(0.03));
  here.now += 100ms;
  with.method = method::systematic;
  with.headroom = 0.5;
  any.reconfigure(with);
  const std::size_t systematic = kept(here, any);
  CHECK(systematic == doctest::Approx(49).epsilon(0.05));
}

TEST_CASE("live: a change that changes nothing changes no record") {
  std::mt19937_64 random{sluice::test_seed()};
  auto with = defaults();
  with.mode = mode::fixed;
  world here, there;
  adaptive_sampler one{with, here.host()}, other{with, there.host()};
  for (int i = 0; i < 300; ++i) {
    if (random() % 10 == 0) here.pressure = there.pressure = pressure(random);
    const auto records = traffic(random, 30);
    here.push(one, records);
    there.push(other, records);
    REQUIRE(here.outputs() == there.outputs());
    here.now = there.now += std::chrono::milliseconds{random() % 150};
    if (random() % 5 == 0) other.reconfigure(with);
  }
}

TEST_CASE("the host finds what is needed for a swap") {
  const auto* table = static_cast<const sluice_swap*>(
      sluice::plugin_of<adaptive_sampler>.extension(sluice::borrow(SLUICE_EXT_SWAP)));
  REQUIRE(table != nullptr);
  CHECK(sluice::view(table->writes) == "sampling/1");
  CHECK((table->import_state != nullptr && table->reconfigure != nullptr));
}
