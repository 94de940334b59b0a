// What goes over in a swap, and what changes in place.
#include "../testing/world.hpp"
#include "random_test.hpp"

#include "test_codec.hpp"

#include <doctest/doctest.h>

#include <memory>

namespace swap_test {

using namespace std::chrono_literals;
using namespace sluice::test;
using sluice::conflating_sampler::conflater;
using sluice::testing::input;

namespace {

conflater::config every(sluice::duration interval) {
  return {interval, "volume_traded", sluice::level::healthy};
}

std::string texts(world& on) {
  std::string all;
  for (const passed& each : on.outputs()) all += (all.empty() ? "" : " ") + each.text;
  return all;
}

std::unique_ptr<conflater> swap(world& on, const conflater& from, const conflater::config& with) {
  auto next = std::make_unique<conflater>(with, on.host());
  const bytes state = state_of(from);
  on.wake = sluice::never;  // asked for by the one before
  load(*next, state);
  next->start();
  return next;
}

std::vector<input> traffic(std::mt19937_64& random, std::vector<int>& volumes) {
  std::vector<input> made(random() % 12);
  for (input& each : made) {
    each.key = random() % volumes.size();
    if (random() % 5 == 0) ++volumes[each.key];
    each.text = std::to_string(volumes[each.key]) + ":" + std::to_string(random() % 1000);
    each.weight = static_cast<float>(1 + random() % 3);
    if (random() % 20 == 0) each.priority = sluice::priority::high;
  }
  return made;
}

struct with_codec {
  with_codec() { world::codec = &sluice::conflating_sampler::test_codec; }
  ~with_codec() { world::codec = nullptr; }
};

}  // namespace

TEST_CASE("a sampler that is swapped again and again passes what one that is not passes") {
  const with_codec set;
  std::mt19937_64 random{sluice::test_seed()};
  world here, there;
  conflater stays{every(7ms), here.host()};
  auto swapped = std::make_unique<conflater>(every(7ms), there.host());
  std::vector<int> volumes(12);
  for (int i = 0; i < sluice::test_rounds(5'000); ++i) {
    const auto records = traffic(random, volumes);
    here.push(stays, records);
    there.push(*swapped, records);
    const sluice::duration passes = std::chrono::milliseconds{random() % 3};
    here.advance(stays, passes);
    if (random() % 5 == 0) swapped = swap(there, *swapped, every(7ms));
    there.advance(*swapped, passes);
    REQUIRE(here.outputs() == there.outputs());
    REQUIRE(here.held() == there.held());
  }
  for (auto* on : {&here, &there}) on->now += 1h;
  here.advance(stays, 0ms);
  there.advance(*swapped, 0ms);
  CHECK(here.outputs() == there.outputs());
  CHECK(there.held() == 0);
}

TEST_CASE("a state comes through unchanged, and nothing else is taken for one") {
  const with_codec set;
  world here;
  conflater any{every(100ms), here.host()};
  std::mt19937_64 random{3};
  std::vector<int> volumes(4);
  for (int i = 0; i < 20; ++i) {
    here.push(any, traffic(random, volumes));
    here.advance(any, 7ms);
  }
  REQUIRE(here.held() > 0);
  check_state(
      state_of(any), [&] { return std::make_unique<conflater>(every(100ms), here.host()); },
      [&](conflater& loaded) {
        loaded.start();
        here.push(loaded, traffic(random, volumes));
        here.advance(loaded, 1ms);
        here.outputs();
      },
      200);
}

TEST_CASE("windows of one key twice, or not in the order of time, are refused") {
  world here;
  const auto state = [&](std::uint32_t key, sluice::duration later) {
    sluice::state_writer out;
    sluice::sampling::put_section(out, sluice::sampling::section::windows, [&](auto& to) {
      std::vector<std::uint32_t> keys;
      std::vector<std::int64_t> opened;
      for (const auto& [which, when] :
           {std::pair{1u, here.now - 5ms}, {key, here.now - 5ms + later}}) {
        keys.push_back(which);
        opened.push_back(when.time_since_epoch().count());
      }
      to.put(keys);
      to.put(opened);
      to.put(std::vector<std::uint64_t>(2));
    });
    sluice::sampling::end_sections(out);
    return bytes{out.bytes().begin(), out.bytes().end()};
  };
  const auto loads = [&](const bytes& given) {
    conflater any{every(100ms), here.host()};
    load(any, given);
  };
  CHECK_NOTHROW(loads(state(2, 0ms)));
  CHECK_THROWS_AS(loads(state(1, 0ms)), std::runtime_error);
  CHECK_THROWS_AS(loads(state(2, -1ms)), std::runtime_error);
  CHECK_THROWS_AS(loads(state(2, 6ms)), std::runtime_error);
  CHECK_THROWS_AS(loads(state(sluice::sampling::most_keys, 0ms)), std::runtime_error);
}

TEST_CASE("what is held goes over: it waits as long as it would have, or by the new interval") {
  world here;
  conflater before{every(100ms), here.host()};
  here.push(before, {{.key = 1, .text = "a"}, {.key = 1, .text = "b"}, {.key = 2, .text = "x"}});
  CHECK(texts(here) == "a x");
  here.advance(before, 60ms);
  auto after = swap(here, before, every(100ms));
  CHECK(here.held() == 1);
  here.push(*after, {{.key = 1, .text = "c"}});  // takes the place of b, which the other held
  CHECK(here.held() == 1);
  here.advance(*after, 39ms);
  CHECK(texts(here) == "");
  here.advance(*after, 1ms);
  CHECK(texts(here) == "c");
  here.push(*after, {{.key = 1, .text = "d"}});

  here.advance(*after, 50ms);
  after = swap(here, *after, every(40ms));
  here.advance(*after, 0ms);  // overdue by now
  CHECK(texts(here) == "d");
  here.push(*after, {{.key = 1, .text = "e"}});
  after = swap(here, *after, every(1h));
  here.advance(*after, 59min);
  CHECK(texts(here) == "");
  CHECK(after->drain(here.now));
  CHECK(texts(here) == "e");
  CHECK(here.held() == 0);
}

TEST_CASE("trades are told across a swap, but not by another field") {
  const with_codec set;
  world here;
  conflater before{every(100ms), here.host()};
  here.push(before, {{.key = 1, .text = "5:a"}});
  auto after = swap(here, before, every(100ms));
  here.push(*after, {{.key = 1, .text = "6:b"}});
  CHECK(texts(here) == "5:a 6:b");
  const auto known = state_of(*after).size();
  CHECK(state_of(*swap(here, *after, {100ms, "volume_quoted", sluice::level::healthy})).size() <
        known);
  auto other = swap(here, *after, {100ms, "", sluice::level::healthy});
  here.push(*other, {{.key = 1, .text = "7:c"}});
  CHECK(texts(here) == "");
  CHECK(here.held() == 1);
}

TEST_CASE(
    "a record that the host no longer holds is not named, and one it does not know is not missed") {
  world here;
  conflater before{every(100ms), here.host()};
  here.push(before, {{.key = 1, .text = "a"}, {.key = 1, .text = "b"}});
  const bytes named = state_of(before);
  here.release_all();
  CHECK(texts(here) == "a b");
  CHECK(state_of(before) != named);
  conflater after{every(100ms), here.host()};
  load(after, named);
  here.push(after, {{.key = 1, .text = "c"}});
  here.advance(after, 100ms);
  CHECK(texts(here) == "c");
}

TEST_CASE(
    "live: the interval holds for windows that are open, and from_level with the next batch") {
  world here;
  conflater any{every(100ms), here.host()};
  here.push(any, {{.key = 1, .text = "a"}, {.key = 1, .text = "b"}});
  here.advance(any, 50ms);
  any.reconfigure(every(200ms));
  here.advance(any, 149ms);
  CHECK(texts(here) == "a");
  here.advance(any, 1ms);
  CHECK(texts(here) == "b");
  here.push(any, {{.key = 1, .text = "c"}});
  here.advance(any, 60ms);
  any.reconfigure(every(50ms));
  here.advance(any, 0ms);
  CHECK(texts(here) == "c");
  here.push(any, {{.key = 1, .text = "d"}});
  any.reconfigure({50ms, "volume_traded", sluice::level::critical});
  here.push(any, {{.key = 1, .text = "e"}, {.key = 1, .text = "f"}});
  CHECK(texts(here) == "d e f");
}

}  // namespace swap_test
