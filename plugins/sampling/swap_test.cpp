// Each sampler takes the place of each other.
#include "../testing/world.hpp"

#include <adaptive_sampler/adaptive_sampler.hpp>
#include <conflating_sampler/conflating_sampler.hpp>
#include <priority_sampler/priority_sampler.hpp>

#include <doctest/doctest.h>

#include <optional>

namespace swap_test {

using namespace std::chrono_literals;
using namespace sluice::test;
using sluice::adaptive_sampler::adaptive_sampler;
using sluice::conflating_sampler::conflating_sampler;
using sluice::priority_sampler::priority_sampler;
using sluice::testing::input;

namespace {

adaptive_sampler::config adaptive(adaptive_sampler::mode mode) {
  return {1, 0.8, 0.5, 0.2, mode, adaptive_sampler::method::per_key, 0.97, 0.3, 0.05, false, 1};
}
const auto steered = adaptive(adaptive_sampler::mode::adaptive);
const auto fixed = adaptive(adaptive_sampler::mode::fixed);
const priority_sampler::config by_class{{}, {}, 1, 0.8, 0.5, 0.2, 0.5, 1};
const conflating_sampler::config conflated{100ms, "", sluice::level::healthy};

template <typename To, typename From>
To take_over(world& on, const From& from, const typename To::config& with) {
  To next{with, on.host()};
  load(next, state_of(from));
  // What the host does with what the new one cannot hold.
  if ((To::about.capabilities & SLUICE_CAN_HOLD) == 0) on.release_all();
  return next;
}

std::vector<input> traffic(std::mt19937_64& random) {
  std::vector<input> made(random() % 60);
  for (input& each : made) each.key = random() % 20;
  return made;
}

std::string texts(world& on) {
  std::string all;
  for (const passed& each : on.outputs()) all += (all.empty() ? "" : " ") + each.text;
  return all;
}

}  // namespace

TEST_CASE("adaptive and priority carry each instrument's phase to and fro") {
  // At the same fixed shares one goes on exactly where the other stood.
  std::mt19937_64 random{sluice::test_seed()};
  world here, there;
  adaptive_sampler stays{fixed, here.host()};
  std::optional<adaptive_sampler> one{std::in_place, fixed, there.host()};
  here.pressure.level = there.pressure.level = SLUICE_OVERLOAD;
  for (int i = 0; i < 200; ++i) {
    const auto both = [&](auto& by) {
      const auto records = traffic(random);
      here.push(stays, records);
      there.push(by, records);
      REQUIRE(here.outputs() == there.outputs());
    };
    both(*one);
    auto other = take_over<priority_sampler>(there, *one, by_class);
    both(other);
    one.emplace(fixed, there.host());
    load(*one, state_of(other));
  }
}

TEST_CASE("adaptive begins at what the one before kept") {
  world here;
  priority_sampler before{by_class, here.host()};
  here.pressure = {sizeof(sluice_pressure), SLUICE_OVERLOAD, 1'000, 400, 0, 0};
  here.push(before, std::vector<input>(100));
  here.outputs();
  auto after = take_over<adaptive_sampler>(here, before, steered);
  here.push(after, std::vector<input>(200));
  CHECK(here.outputs().size() == doctest::Approx(50).epsilon(0.021));  // 0.2 and a step of 0.05
}

TEST_CASE("conflating to a sampler that holds nothing: what was held goes first, nothing is lost") {
  world here;
  conflating_sampler before{conflated, here.host()};
  here.push(before, {{.key = 2, .text = "x"}, {.key = 1, .text = "a"}, {.key = 2, .text = "y"}});
  here.push(before, {{.key = 1, .text = "b"}});
  CHECK(texts(here) == "x a");
  SUBCASE("adaptive") {
    auto after = take_over<adaptive_sampler>(here, before, steered);
    here.push(after, {{.key = 1, .text = "c"}});
  }
  SUBCASE("priority") {
    auto after = take_over<priority_sampler>(here, before, by_class);
    here.push(after, {{.key = 1, .text = "c"}});
  }
  CHECK(texts(here) == "y b c");
  CHECK(here.held() == 0);
}

TEST_CASE("a sampler to conflating: it holds nothing yet, each key's next quote passes") {
  world here;
  const auto check = [&](auto&& after) {
    after.start();
    here.push(after, {{.key = 1, .text = "a"}, {.key = 1, .text = "b"}, {.key = 1, .text = "c"}});
    CHECK(texts(here) == "a");
    here.advance(after, 100ms);
    CHECK(texts(here) == "c");
  };
  std::mt19937_64 random{1};
  here.pressure.level = SLUICE_CRITICAL;
  adaptive_sampler one{steered, here.host()};
  priority_sampler other{by_class, here.host()};
  here.push(one, traffic(random));
  here.push(other, traffic(random));
  here.outputs();
  check(take_over<conflating_sampler>(here, one, conflated));
  check(take_over<conflating_sampler>(here, other, conflated));
}

}  // namespace swap_test
