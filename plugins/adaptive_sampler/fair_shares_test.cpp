#include "fair_shares.hpp"
#include "random_test.hpp"

#include <sluice/state.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace sluice::adaptive_sampler;
using namespace std::chrono_literals;

namespace {

double part(sluice::sampling::share of) {
  return static_cast<double>(of.parts()) / static_cast<double>(sluice::sampling::share::one);
}

/// Offers records second by second and adds up what is expected to be kept of each instrument.
struct market {
  fair_shares shares;
  sluice::time_point now{};
  std::vector<double> kept, offered;
  double most_in_slot = 0;

  /// `per_second[i]` records of instrument i, spread over the second's ten slots.
  void second(const std::vector<int>& per_second, double ratio) {
    kept.assign(per_second.size(), 0);
    offered.assign(per_second.size(), 0);
    for (int slot = 0; slot < 10; ++slot, now += 100ms) {
      shares.settle(now, ratio);
      double in_slot = 0;
      for (std::size_t i = 0; i < per_second.size(); ++i)
        for (int n = slot; n < per_second[i]; n += 10) {
          kept[i] += part(shares.of(static_cast<std::uint32_t>(i)));
          offered[i] += 1;
          in_slot += 1;
        }
      most_in_slot = std::max(most_in_slot, in_slot);
    }
  }
  double ratio() const {
    double all = 0, of = 0;
    for (const double each : kept) all += each;
    for (const double each : offered) of += each;
    return all / of;
  }
};

}  // namespace

TEST_CASE("water level: each demand up to it is met, and together they make the budget") {
  const std::vector<float> demands{1, 2, 3, 10, 100};
  CHECK(water_level(demands, 5) == 1);
  CHECK(water_level(demands, 26) == 10);
  CHECK(water_level(demands, 56) == 40);
  CHECK(std::isinf(water_level(demands, 116)));
  CHECK(std::isinf(water_level({}, 0)));
}

TEST_CASE("water level, with random demands") {
  std::mt19937_64 random{sluice::test_seed()};
  for (int round = 0; round < 500; ++round) {
    std::vector<float> demands(1 + random() % 200);
    double total = 0;
    for (float& each : demands) total += each = static_cast<float>(1 + random() % 1000);
    std::sort(demands.begin(), demands.end());
    const double budget = total * static_cast<double>(random() % 1000) / 1000;
    const double level = water_level(demands, budget);
    double met = 0;
    for (const float each : demands) met += std::min<double>(each, level);
    CHECK(met == doctest::Approx(budget));
  }
}

TEST_CASE("instruments at or below the fair share are not sampled, the busy ones share the rest") {
  market any;
  std::vector<int> rates(100, 2);
  rates[40] = 500;
  rates[41] = 300;
  for (int i = 0; i < 5; ++i) any.second(rates, 0.5);
  for (std::size_t i = 0; i < rates.size(); ++i)
    if (rates[i] == 2) CHECK(any.kept[i] == 2);
  // 0.5 of 996 is 498, less the 196 of the quiet ones: 151 for each of the two.
  CHECK(any.shares.per_second() == doctest::Approx(151));
  CHECK(any.kept[40] == doctest::Approx(151).epsilon(0.03));
  CHECK(any.kept[41] == doctest::Approx(151).epsilon(0.03));
  CHECK(any.ratio() == doctest::Approx(0.5).epsilon(0.02));
}

TEST_CASE("until rates are known, 100 ms, every instrument has the ratio itself") {
  market any;
  any.shares.settle(any.now, 0.5);
  CHECK(any.shares.per_second() == 0);
  for (std::uint32_t i = 0; i < 10; ++i) CHECK(part(any.shares.of(i)) == doctest::Approx(0.5));
  any.shares.settle(any.now + 100ms, 0.5);
  CHECK(any.shares.per_second() > 0);
  any.shares.clear();
  CHECK(any.shares.per_second() == 0);
  CHECK(part(any.shares.of(3)) == doctest::Approx(0.5));
}

TEST_CASE("over all, no less than the ratio is kept but for 100 ms, whatever the rates do") {
  std::mt19937_64 random{sluice::test_seed()};
  market any;
  for (int i = 0; i < 60; ++i) {
    // Zipf's rates dealt anew, a load that jumps, and now and then a silence.
    std::vector<int> rates(200);
    const int load = 1 << (random() % 10);
    for (int& each : rates) each = load * 10 / (1 + static_cast<int>(random() % 200));
    rates[random() % rates.size()] += 50 * load;
    if (random() % 5 == 0) any.now += 17s;
    const double ratio = 0.2 + 0.1 * static_cast<double>(random() % 7);
    any.second(rates, ratio);
    double offered = 0;
    for (const double each : any.offered) offered += each;
    CAPTURE(i);
    CHECK(any.ratio() * offered >= ratio * offered - any.most_in_slot - 1);  // a slack of 100 ms
  }
}

TEST_CASE("rates are taken at once when more came in a second than twice what came before") {
  market any;
  for (int i = 0; i < 3; ++i) any.second(std::vector<int>(50, 10), 0.5);
  CHECK(any.shares.per_second() == doctest::Approx(5));
  // Ten times the load.
  int slots = 0;
  for (; slots < 10 && any.shares.per_second() < 40; ++slots, any.now += 100ms) {
    for (std::uint32_t i = 0; i < 50; ++i)
      for (int n = 0; n < 10; ++n) any.shares.of(i);
    any.shares.settle(any.now + 100ms, 0.5);
  }
  CHECK(any.shares.per_second() == doctest::Approx(50));
  CHECK(slots <= 5);
}

TEST_CASE("an instrument that bursts is held to the fair share from the next 100 ms on") {
  market any;
  for (int i = 0; i < 3; ++i) any.second(std::vector<int>(100, 10), 0.5);
  double kept = 0;
  for (int n = 0; n < 400; ++n) kept += part(any.shares.of(100));  // a new one: kept whole
  CHECK(kept == 400);
  any.shares.settle(any.now, 0.5);
  CHECK(part(any.shares.of(100)) == doctest::Approx(any.shares.per_second() / 400));
}

TEST_CASE("fair shares: a state with more records than there can be does no harm") {
  sluice::state_writer out;
  const sluice::time_point began{1s};
  out.put(began);
  out.put(sluice::sampling::share{0.5}.parts());
  out.put(1.0F);
  out.put(1.0);
  out.put(std::int64_t{0});
  out.put(std::vector<std::uint64_t>(3, sluice::sampling::share::one));
  out.put(std::vector<float>(3, 1.0F));
  out.put(std::vector<std::uint32_t>{UINT32_MAX, 1, UINT32_MAX});
  fair_shares shares;
  sluice::state_reader in{"sampling/1", out.bytes()};
  shares.load(in, began);
  shares.settle(began + 100ms, 0.5);
  // What is owed is bounded by what a tenth of a second brings: nothing overflows (UBSan).
  double kept = 0;
  for (int i = 0; i < 3000; ++i) kept += part(shares.of(static_cast<std::uint32_t>(i % 3)));
  CHECK(kept >= 1500);
}
