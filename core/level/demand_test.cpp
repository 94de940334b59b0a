#include "level/demand.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace demand_test {

using sluice::levels::demand;
using sluice::levels::slot;

namespace {

constexpr std::int64_t length = 100'000'000;

void repeat(demand& sink, int times, const slot& seen) {
  for (int i = 0; i < times; ++i) sink.add(seen);
}

slot free_slot(std::uint64_t arrived, double kept_away = 0) {
  return {length, arrived, kept_away, arrived, length / 2, false};
}
slot full_slot(std::uint64_t arrived, std::uint64_t delivered) {
  return {length, arrived, 0, delivered, 0, false};
}

}  // namespace

TEST_CASE("before anything was offered the ratio is 1 and capacity is unknown") {
  const demand sink;
  CHECK(sink.ratio() == 1);
  CHECK(sink.capacity_per_s() == 0);
}

TEST_CASE("offered is what arrived and what was kept away, over one second") {
  demand sink;
  sink.add(free_slot(100, 50));
  CHECK(sink.offered_per_s() == doctest::Approx(1'500));
  repeat(sink, 10, free_slot(10, 30));
  CHECK(sink.offered_per_s() == doctest::Approx(400));
}

TEST_CASE("capacity stays unknown until a saturated slot, whatever is dropped on the way") {
  demand sink;
  repeat(sink, 36'000, free_slot(20, 80));
  CHECK(sink.capacity_per_s() == 0);
  CHECK(sink.ratio() == 1);
}

TEST_CASE("capacity is the mean of the newest five saturated slots") {
  demand sink;
  for (const std::uint64_t delivered : {900, 1'000, 400, 400, 300})
    sink.add(full_slot(2'000, delivered));
  CHECK(sink.capacity_per_s() == doctest::Approx(6'000));
  sink.add(full_slot(2'000, 400));
  CHECK(sink.capacity_per_s() == doctest::Approx(5'000));
  sink.add(full_slot(2'000, 500));
  CHECK(sink.capacity_per_s() == doctest::Approx(4'000));
  CHECK(sink.ratio() == doctest::Approx(0.2));
}

TEST_CASE("a slot that was saturated over a second ago says nothing of capacity now") {
  demand sink;
  repeat(sink, 10, full_slot(1'000, 100));
  repeat(sink, 9, free_slot(200, 800));
  sink.add(full_slot(1'000, 700));
  CHECK(sink.capacity_per_s() == doctest::Approx(7'000));
}

TEST_CASE("a slot with room raises capacity by 5 %, never beyond what is offered") {
  demand sink;
  repeat(sink, 10, full_slot(1'000, 500));
  sink.add(free_slot(485, 515));
  CHECK(sink.capacity_per_s() == doctest::Approx(5'250));
  int slots = 1;
  for (; sink.ratio() < 1 && slots < 100; ++slots) {
    const auto kept = static_cast<std::uint64_t>(0.97 * sink.capacity_per_s() / 10);
    sink.add(free_slot(kept, static_cast<double>(1'000 - kept)));
  }
  CHECK(slots == 15);
  CHECK(sink.capacity_per_s() == doctest::Approx(10'000).epsilon(0.001));
}

TEST_CASE("a load that rises on a sink with room is no weakness of the sink") {
  demand sink;
  repeat(sink, 5, full_slot(100, 20));
  repeat(sink, 50, free_slot(100));
  REQUIRE(sink.capacity_per_s() == doctest::Approx(1'000));
  sink.add({length, 600, 0, 0, length, false});  // all of it as the slot ended
  CHECK(sink.offered_per_s() == doctest::Approx(1'500));
  CHECK(sink.ratio() == 1);
  sink.add(free_slot(100, 500));  // what is kept away is not proven
  CHECK(sink.ratio() < 1);
}

TEST_CASE(
    "a sink with hardly any room is probed no further than a tenth beyond what it delivered") {
  demand sink;
  repeat(sink, 10, full_slot(1'000, 500));
  repeat(sink, 100, {length, 500, 500, 500, length / 5, false});
  CHECK(sink.capacity_per_s() == doctest::Approx(5'500));
}

TEST_CASE("a sink with room is probed up to what is offered, though a fixed share is kept away") {
  demand sink;
  repeat(sink, 10, full_slot(1'000, 100));
  repeat(sink, 100, free_slot(500, 500));
  CHECK(sink.ratio() == 1);
}

TEST_CASE("capacity comes back after a sink that took almost nothing") {
  demand sink;
  repeat(sink, 10, full_slot(1'000, 1));
  CHECK(sink.ratio() < 0.01);
  for (int i = 0; i < 100 && sink.ratio() < 1; ++i) {
    const double share = std::max(0.2, 0.97 * sink.ratio());  // a sampler at its floor
    const auto kept = static_cast<std::uint64_t>(1'000 * share);
    sink.add(free_slot(kept, static_cast<double>(1'000 - kept)));
  }
  CHECK(sink.ratio() == 1);
}

TEST_CASE("a sink that stands still says nothing of its speed") {
  demand sink;
  repeat(sink, 10, full_slot(1'000, 0));
  CHECK(sink.capacity_per_s() == 0);
  repeat(sink, 5, full_slot(1'000, 500));
  repeat(sink, 4, full_slot(1'000, 0));
  CHECK(sink.capacity_per_s() == doctest::Approx(5'000));
  sink.add(full_slot(1'000, 500));
  CHECK(sink.capacity_per_s() == doctest::Approx(5'000));
}

TEST_CASE("a pause of up to three slots is part of what the next delivery took") {
  demand sink;
  for (int i = 0; i < 5; ++i) {
    repeat(sink, 1, full_slot(1'000, 0));
    sink.add(full_slot(1'000, 600));
  }
  CHECK(sink.capacity_per_s() == doctest::Approx(3'000));
}

TEST_CASE("a slot behind an open guard says nothing of capacity") {
  demand sink;
  repeat(sink, 10, full_slot(1'000, 500));
  repeat(sink, 100, {length, 1'000, 0, 0, 0, true});
  repeat(sink, 100, {length, 1'000, 0, 0, length, true});
  CHECK(sink.capacity_per_s() == doctest::Approx(5'000));
}

TEST_CASE("a late slot counts by its length") {
  demand sink;
  sink.add({3 * length, 3'000, 0, 1'500, 0, false});
  CHECK(sink.offered_per_s() == doctest::Approx(10'000));
  CHECK(sink.capacity_per_s() == doctest::Approx(5'000));
}

TEST_CASE("a slot in which the sink stops measures what it did before") {
  demand sink;
  repeat(sink, 10, free_slot(3'600));
  slot stopping = full_slot(3'600, 180);  // 5 ms at what is offered, then nothing
  stopping.silent_ns = length * 95 / 100;
  sink.add(stopping);
  CHECK(sink.capacity_per_s() == doctest::Approx(36'000));
  repeat(sink, 2, full_slot(3'600, 0));
  CHECK(sink.capacity_per_s() == doctest::Approx(36'000));
  CHECK(sink.ratio() == doctest::Approx(1));
  // It goes on after 300 ms in all: the silence belongs to what came then.
  slot going_on = full_slot(3'600, 9'500);
  going_on.silent_ns = 0;
  sink.add(going_on);
  CHECK(sink.capacity_per_s() == doctest::Approx((180 + 9'500) / 0.4));
}

TEST_CASE("replies far apart are a speed, not a silence") {
  demand sink;
  for (int i = 0; i < 10; ++i) {
    slot one = full_slot(2'000, 100);  // one call of 100 records each slot, answered at its middle
    one.silent_ns = length / 2;
    sink.add(one);
  }
  CHECK(sink.capacity_per_s() == doctest::Approx(1'000));
}

}  // namespace demand_test
