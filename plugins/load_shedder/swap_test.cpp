// What goes over in a swap, and what changes in place.
#include "load_shedder.hpp"

#include "../testing/world.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace std::chrono_literals;
using namespace sluice::test;
using sluice::load_shedder::load_shedder;
using sluice::testing::input;

namespace {

constexpr load_shedder::config defaults{1000, 100ms};

std::vector<input> traffic(std::mt19937_64& random) {
  std::vector<input> made(random() % 60);
  for (input& each : made) {
    each.key = random() % 40;
    const auto kind = random() % 12;
    each.priority = kind == 0   ? sluice::priority::high
                    : kind == 1 ? sluice::priority::low
                                : sluice::priority::normal;
  }
  return made;
}

std::unique_ptr<load_shedder> swap(world& on, const load_shedder& from,
                                   const load_shedder::config& with = defaults) {
  auto next = std::make_unique<load_shedder>(with, on.host());
  on.wake = sluice::never;  // asked for by the one before
  load(*next, state_of(from));
  next->start();
  return next;
}

std::size_t passes(world& on, load_shedder& by, std::size_t count, std::uint64_t key = 1) {
  on.push(by, std::vector<input>(count, input{.key = key}));
  return on.outputs().size();
}

}  // namespace

TEST_CASE("a shedder that is swapped again and again sheds what one that is not sheds") {
  std::mt19937_64 random{sluice::test_seed()};
  world here, there;
  load_shedder stays{defaults, here.host()};
  auto swapped = std::make_unique<load_shedder>(defaults, there.host());
  for (int i = 0; i < 2'000; ++i) {
    if (random() % 30 == 0)
      here.pressure = there.pressure = {sizeof(sluice_pressure),
                                        static_cast<std::uint32_t>(2 + random() % 2),
                                        100'000,
                                        static_cast<double>(random() % 900),
                                        random() % 1'500,
                                        0};
    const auto records = traffic(random);
    here.push(stays, records);
    there.push(*swapped, records);
    REQUIRE(here.outputs() == there.outputs());
    const sluice::duration gap = std::chrono::milliseconds{random() % 50 == 0 ? 1'500 : 30};
    here.advance(stays, gap);
    if (random() % 5 == 0) swapped = swap(there, *swapped);
    there.advance(*swapped, gap);
    REQUIRE(here.events == there.events);
  }
  CHECK(here.events.size() > 10);
}

TEST_CASE("a state comes through unchanged, and nothing else is taken for one") {
  world here;
  here.pressure = {sizeof(sluice_pressure), SLUICE_OVERLOAD, 1'000, 50, 0, 0};
  load_shedder any{defaults, here.host()};
  std::mt19937_64 random{4};
  for (int i = 0; i < 5; ++i) here.push(any, traffic(random));
  // The floor's rows alone are 64 KiB: a shorter list of them does as well.
  bytes state = state_of(any);
  constexpr std::size_t rows_at = 16 + 12, kept_rows = 10, rows = 16'384;
  const auto first = state.begin() + rows_at + 4;
  state.erase(first + kept_rows * 4, first + rows * 4);
  state[rows_at] = kept_rows;
  state[rows_at + 1] = 0;
  check_state(
      state, [&] { return std::make_unique<load_shedder>(defaults, here.host()); },
      [&](load_shedder& loaded) {
        loaded.start();
        for (int i = 0; i < 3; ++i) {
          here.push(loaded, traffic(random));
          here.advance(loaded, 700ms);
        }
        here.outputs();
      });
}

TEST_CASE("the bucket's level, its debt and the floor go over: a swap lets nothing more pass") {
  world here;
  here.pressure = {sizeof(sluice_pressure), SLUICE_OVERLOAD, 100'000, 100, 0, 0};
  load_shedder before{defaults, here.host()};
  CHECK(passes(here, before, 200) == 10);
  CHECK(passes(here, before, 5, 2) == 1);  // the floor, owed
  auto after = swap(here, before);
  CHECK(passes(here, *after, 200) == 0);
  CHECK(passes(here, *after, 5, 2) == 0);
  here.advance(*after, 20ms);
  CHECK(passes(here, *after, 200) == 1);  // two of 100/s, one was owed
}

TEST_CASE("the floor lets no more keys pass in a second for being swapped in it") {
  world here;
  here.pressure = {sizeof(sluice_pressure), SLUICE_OVERLOAD, 100'000, 10, 0, 0};
  load_shedder before{defaults, here.host()};
  const auto first_of = [&](std::uint64_t from) {
    std::vector<input> made;
    for (std::uint64_t key = from; key < from + 500; ++key) made.push_back({.key = key});
    return made;
  };
  here.push(before, first_of(0));
  CHECK(here.outputs().size() == 101);  // one had a token
  auto after = swap(here, before);
  here.push(*after, first_of(500));
  CHECK(here.outputs().empty());
}

TEST_CASE("what was told of is told to its end, even if nothing more comes") {
  world here;
  here.pressure = {sizeof(sluice_pressure), SLUICE_OVERLOAD, 100'000, 100, 0, 0};
  load_shedder before{defaults, here.host()};
  passes(here, before, 200);
  auto after = swap(here, before);
  passes(here, *after, 10);
  here.advance(*after, 2s);
  REQUIRE(here.events.size() == 2);
  CHECK(here.events[1] == "shedding_end: ended: 200 records were shed");
}

TEST_CASE("live: pending and burst, from the next batch on") {
  world here;
  here.pressure = {sizeof(sluice_pressure), SLUICE_CRITICAL, 100'000, 100, 500, 0};
  load_shedder any{defaults, here.host()};
  CHECK(passes(here, any, 200) == 200);
  any.reconfigure({499, 100ms});
  here.pressure.capacity_per_s = 10'000;
  CHECK(passes(here, any, 2'000) == 1);  // one more waits than may: the floor
  here.advance(any, 100ms);
  CHECK(passes(here, any, 2'000) == 998);
  any.reconfigure({499, 1s});
  here.advance(any, 900ms);
  CHECK(passes(here, any, 12'000) == 8'999);  // and the next second's first
}
