#include "load_shedder.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <map>

using namespace std::chrono_literals;
using sluice::priority;
using sluice::testing::harness;
using sluice::testing::input;

namespace {

constexpr const sluice_plugin& shedder = sluice::plugin_of<sluice::load_shedder::load_shedder>;

/// 100,000 offered a second, which is nobody's capacity here.
sluice_pressure pressed(sluice::level at, double capacity, std::uint64_t pending = 0) {
  return {sizeof(sluice_pressure), static_cast<std::uint32_t>(at), 100'000, capacity, pending, 0};
}

/// `count` records of one key.
std::vector<input> burst(std::size_t count, std::uint64_t key = 1, priority of = priority::normal) {
  return std::vector<input>(count, input{.key = key, .priority = of});
}

std::map<std::uint64_t, int> by_key(harness& run) {
  std::map<std::uint64_t, int> found;
  for (const auto& out : run.outputs()) ++found[out.key];
  return found;
}

std::uint64_t shed(const harness& run) { return run.count().dropped[SLUICE_DROP_SHED]; }

/// Whether a burst of 100 records at a capacity of 10 a second is shed.
bool sheds(sluice::level at, std::uint64_t pending, std::string_view settings = "") {
  harness run{shedder, settings};
  run.pressure(pressed(at, 10, pending));
  run.push(burst(100));
  CHECK(run.balanced());
  return shed(run) > 0;
}

}  // namespace

TEST_CASE("2.D trigger: level = OVERLOAD, whatever is pending") {
  CHECK(sheds(sluice::level::overload, 0));
  CHECK(sheds(sluice::level::overload, 5000));
}

TEST_CASE("2.D trigger: pending > 1000 in CRITICAL, and 1000 are not more") {
  CHECK(sheds(sluice::level::critical, 1001));
  CHECK_FALSE(sheds(sluice::level::critical, 1000));
  CHECK_FALSE(sheds(sluice::level::critical, 0));
  CHECK(sheds(sluice::level::critical, 21, "pending = 20"));
  CHECK_FALSE(sheds(sluice::level::critical, 20, "pending = 20"));
}

TEST_CASE("2.D no trigger: in HEALTHY and WARNING nothing is shed, whatever is pending") {
  for (const auto at : {sluice::level::healthy, sluice::level::warning}) {
    harness run{shedder};
    run.pressure(pressed(at, 10, 9999));
    run.push(burst(200, 1, priority::low));
    run.push(burst(200));
    CHECK(run.outputs().size() == 400);
    CHECK(run.metric("shedding") == 0);
    CHECK(run.events().empty());
  }
}

TEST_CASE("priority 0 passes whole, 2 is shed whole, 1 shares what capacity is left") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::overload, 1000));
  std::vector<input> mixed = burst(60, 1, priority::high);
  for (const input& each : burst(80, 2)) mixed.push_back(each);
  for (const input& each : burst(50, 3, priority::low)) mixed.push_back(each);
  run.push(mixed);
  // 100 ms of 1000/s are 100 records; 60 of them are gone to priority 0.
  CHECK(by_key(run) == std::map<std::uint64_t, int>{{1, 60}, {2, 40}});
  CHECK(shed(run) == 90);
  CHECK(run.balanced());
}

TEST_CASE("over seconds exactly the capacity passes, and the burst once") {
  harness run{shedder, "burst = '50ms'"};
  run.pressure(pressed(sluice::level::overload, 997));
  std::size_t passed = 0;
  for (int ms = 0; ms < 7000; ++ms) {
    run.push(burst(3));
    passed += run.outputs().size();
    run.advance(1ms);
  }
  // 49.85 in the bucket at first; the last record came at 6.999 s: 6978.003 tokens came in.
  CHECK(passed == 7027);
  CHECK(shed(run) == 21'000 - passed);
  CHECK(run.balanced());
}

TEST_CASE("no instrument goes dark: the first record of each in every second passes") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::overload, 20));
  run.push(burst(50, 999));  // a busy one takes all that is free
  run.outputs();
  for (int second = 0; second < 3; ++second) {
    std::vector<input> each_twice;
    for (std::uint64_t key = 1; key <= 40; ++key)
      each_twice.insert(each_twice.end(), 2, {.key = key});
    run.push(each_twice);
    run.advance(500ms);
    run.push(each_twice);
    const auto passed = by_key(run);
    CHECK(passed.size() == 40);
    for (const auto& [key, times] : passed) CHECK_MESSAGE(times == 1, key);
    run.advance(500ms);
  }
  CHECK(run.metric("floor_passed") == 3 * 40);
  CHECK(run.balanced());
}

TEST_CASE("the floor lets pass 100 a second in all, or a tenth of the capacity if that is more") {
  for (const auto& [capacity, most] : {std::pair{10.0, 100u}, {1000.0, 100u}, {3000.0, 300u}}) {
    harness run{shedder};
    run.pressure(pressed(sluice::level::overload, capacity));
    run.push(burst(1000));  // the bucket is empty now
    run.outputs();
    std::vector<input> one_each;
    for (std::uint64_t key = 10; key < 510; ++key) one_each.push_back({.key = key});
    run.push(one_each);
    run.push(one_each);
    CHECK(run.outputs().size() == most);
  }
}

TEST_CASE("what the floor lets pass is not on top of the capacity") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::overload, 1000));
  std::size_t passed = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    std::vector<input> busy = burst(2);
    if (ms % 1000 == 500)
      for (std::uint64_t key = 10; key < 60; ++key) busy.push_back({.key = key});
    run.push(busy);
    passed += run.outputs().size();
    run.advance(1ms);
  }
  CHECK(passed == 100 + 9999);
  CHECK(run.metric("floor_passed") > 9 * 40);
}

TEST_CASE("what waits beyond the burst, or beyond `pending`, is worked off in half a second") {
  const auto passed_in_100_ms = [](double capacity, std::uint64_t pending) {
    harness run{shedder};
    run.pressure(pressed(sluice::level::overload, capacity, pending));
    run.push(burst(20'000));
    run.outputs();
    run.advance(100ms);
    run.push(burst(20'000));
    CHECK(run.balanced());
    return run.outputs().size();
  };
  CHECK(passed_in_100_ms(1'000, 100) == 100);
  CHECK(passed_in_100_ms(1'000, 350) == 49);  // 250 beyond 100 ms of it; one is owed to the floor
  CHECK(passed_in_100_ms(50'000, 1'000) == 5'000);
  CHECK(passed_in_100_ms(50'000, 6'000) == 3'999);  // 5,000 beyond `pending`
}

TEST_CASE("what waits too long as shedding begins has been the burst: there is none on top") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::critical, 40'000, 1'001));
  run.push(burst(1'000));
  CHECK(run.outputs().size() == 1);  // the floor
  run.advance(100ms);
  run.push(burst(20'000));
  CHECK(run.outputs().size() == 3'998);  // 100 ms, what is owed to the floor, one to work off

  harness anew{shedder};
  anew.pressure(pressed(sluice::level::overload, 40'000, 0));
  anew.push(burst(20'000));
  CHECK(anew.outputs().size() == 4'000);
}

TEST_CASE("however long the queue, the floor passes") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::overload, 1000, 50'000));
  run.push(burst(1000));
  run.outputs();
  for (int second = 0; second < 3; ++second) {
    run.advance(1s);
    run.push(burst(1000));
    CHECK(run.outputs().size() == 1);
  }
}

TEST_CASE("capacity not known: priority 2 alone is shed") {
  harness run{shedder};
  for (const auto level : {sluice::level::critical, sluice::level::overload}) {
    run.pressure(pressed(level, 0, 5000));
    run.advance(2s);
    run.push(burst(200));
    run.push(burst(50, 2, priority::low));
    CHECK(by_key(run) == std::map<std::uint64_t, int>{{1, 200}});
  }
}

TEST_CASE("what passes is not weighed anew: shedding is loss, not sampling") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::overload, 10));
  run.push(std::vector<input>(50, input{.key = 1, .weight = 4}));
  for (const auto& out : run.outputs()) CHECK(out.weight == 4);
}

TEST_CASE("events tell when shedding begins and ends, one a second at most") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::overload, 10, 2500));
  run.push(burst(100));
  auto told = run.events();
  REQUIRE(told.size() == 1);
  CHECK(told[0].kind == "shedding");
  CHECK(told[0].text == "began: OVERLOAD, pending 2500, offered 100000/s, capacity 10/s");
  CHECK(run.metric("shedding") == 1);

  const auto before = shed(run);
  for (int flap = 0; flap < 45; ++flap) {  // 100 ms on, 100 ms off
    run.pressure(pressed(flap % 2 ? sluice::level::overload : sluice::level::critical, 10));
    run.push(burst(10));
    run.advance(100ms);
  }
  CHECK(run.events().size() <= 5);
  CHECK(shed(run) > before);

  run.pressure(pressed(sluice::level::healthy, 10));
  run.push(burst(10));
  run.advance(2s);
  told = run.events();
  REQUIRE(told.size() == 1);
  CHECK(told[0].kind == "shedding_end");
  CHECK(run.metric("shedding") == 0);
  CHECK(run.metric("shed_overload") + run.metric("shed_pending") == shed(run));
}

TEST_CASE("the event says so while the capacity is not known") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::overload, 0));
  run.push(burst(1));
  const auto told = run.events();
  REQUIRE(told.size() == 1);
  CHECK(told[0].text == "began: OVERLOAD, pending 0, offered 100000/s, capacity unknown");
}

TEST_CASE("shedding ends with its input, too, and each spell tells what it cost") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::critical, 10, 1001));
  for (int spell = 0; spell < 2; ++spell) {
    const auto before = shed(run);
    run.push(burst(100));
    CHECK(run.events().size() == 1);
    run.advance(999ms);
    CHECK(run.metric("shedding") == 1);
    run.advance(1ms);
    CHECK(run.metric("shedding") == 0);
    const auto told = run.events();
    REQUIRE(told.size() == 1);
    CHECK(told[0].text == "ended: " + std::to_string(shed(run) - before) + " records were shed");
    run.advance(5s);
  }
  CHECK(run.metric("shed_pending") == shed(run));
}

TEST_CASE("the end is told when the second is over, though nothing is shed and nothing comes") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::overload, 10));
  run.push(burst(100));
  run.pressure(pressed(sluice::level::healthy, 10));
  run.push(burst(1));
  CHECK(run.events().size() == 1);
  run.advance(1s);
  const auto told = run.events();
  REQUIRE(told.size() == 1);
  CHECK(told[0].kind == "shedding_end");
}

TEST_CASE("a spell of any length costs no more than what was shed") {
  harness run{shedder};
  run.pressure(pressed(sluice::level::overload, 50));
  run.push(burst(1000));
  run.pressure(pressed(sluice::level::healthy, 50));
  run.push(burst(1000));
  CHECK(run.outputs().size() == 1005);  // 100 ms of 50/s, then all
  CHECK(run.count().in == run.count().out + shed(run));
  CHECK(run.drain());
  CHECK(run.balanced());
}

TEST_CASE("settings out of bounds are refused by name") {
  CHECK_THROWS_WITH_AS(harness(shedder, "burst = '0s'"), doctest::Contains("burst"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(harness(shedder, "pending = -1"), doctest::Contains("pending"),
                       std::runtime_error);
}
