#include "market.hpp"
#include "random_test.hpp"
#include "schedule.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

using namespace sluice::market_simulator;
namespace kite = sluice::kite;

namespace {

std::vector<std::uint8_t> bytes(std::uint64_t seed, tick_mode mode, int ticks) {
  const auto instruments = make_instruments(40);
  market made{instruments, mode, 1, seed};
  std::vector<std::uint8_t> all;
  std::array<std::uint8_t, kite::packet_size_max> wire;
  for (int i = 0; i < ticks; ++i) {
    const std::size_t size = made.tick(made.pick(), 1'700'000'000, wire);
    all.insert(all.end(), wire.begin(), wire.begin() + static_cast<long>(size));
  }
  return all;
}

}  // namespace

TEST_CASE("the same seed makes the same bytes, another one others") {
  CHECK(bytes(7, tick_mode::mixed, 2'000) == bytes(7, tick_mode::mixed, 2'000));
  CHECK(bytes(7, tick_mode::mixed, 2'000) != bytes(8, tick_mode::mixed, 2'000));
}

TEST_CASE("mixed has all five kinds, a mode only its own") {
  const auto instruments = make_instruments(200);
  const auto kinds = [&](tick_mode mode) {
    const market made{instruments, mode, 1, 3};
    std::set<kite::packet_kind> found;
    for (std::uint32_t i = 0; i < made.size(); ++i) found.insert(made.packet(i).kind);
    return found;
  };
  CHECK(kinds(tick_mode::mixed).size() == 5);
  CHECK(kinds(tick_mode::ltp) == std::set{kite::packet_kind::ltp});
  CHECK(kinds(tick_mode::quote) ==
        std::set{kite::packet_kind::quote, kite::packet_kind::index_quote});
  CHECK(kinds(tick_mode::full) == std::set{kite::packet_kind::full, kite::packet_kind::index_full});
}

TEST_CASE("made-up instruments are of every type, each token once") {
  const auto instruments = make_instruments(9'000);
  std::set<std::uint32_t> tokens;
  std::set<std::string> types, symbols;
  for (const auto& each : instruments) {
    tokens.insert(each.token);
    symbols.insert(each.symbol);
    types.insert(each.type);
    CHECK(kite::known(kite::segment_of(each.token)));
    CHECK((each.type == "underlying") == !kite::tradable(each.token));
  }
  CHECK(tokens.size() == 9'000);
  CHECK(symbols.size() == 9'000);
  CHECK(types == std::set<std::string>{"equity", "futures", "options", "underlying"});
}

TEST_CASE("whatever happens, a packet stays plausible") {
  const auto seed = sluice::test_seed();
  INFO("SLUICE_SEED=" << seed);
  auto instruments = make_instruments(60);
  instruments[0].last_price = 0.05;
  instruments[1].last_price = 1e12;
  instruments[3].tick_size = 1e9;
  market made{instruments, tick_mode::full, 0, seed};
  std::array<std::uint8_t, kite::packet_size_max> wire;
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    const std::uint32_t which = made.pick();
    const kite::packet before = made.packet(which);
    const std::size_t size = made.tick(which, 1'700'000'000 + i, wire);
    const auto now = kite::decode({wire.data(), size});
    REQUIRE(now);
    REQUIRE(now->last_price > 0);
    REQUIRE(now->low <= now->last_price);
    REQUIRE(now->last_price <= now->high);
    REQUIRE(now->close == before.close);
    REQUIRE(now->volume >= before.volume);
    REQUIRE(now->exchange_time == 1'700'000'000 + i);
    if (now->kind != kite::packet_kind::full) continue;
    REQUIRE(now->buy[0].price < now->sell[0].price);
    REQUIRE(now->oi_day_low <= now->oi);
    REQUIRE(now->oi <= now->oi_day_high);
  }
}

TEST_CASE("the busiest instruments stand out as Zipf says") {
  random_source random{5};
  const weighted_draw draw{zipf_weights(1'000, 1, random)};
  std::vector<int> counts(1'000);
  for (int i = 0; i < 1'000'000; ++i) ++counts[draw(random)];
  std::sort(counts.rbegin(), counts.rend());
  // The sum of 1/k to 1000 is 7.485.
  CHECK(counts[0] == doctest::Approx(133'600).epsilon(0.03));
  CHECK(counts[1] == doctest::Approx(66'800).epsilon(0.03));
  CHECK(counts[9] == doctest::Approx(13'360).epsilon(0.05));
  CHECK(counts.back() > 50);
}

TEST_CASE("the opening burst calms down in a straight line") {
  const schedule plan{1'000, 3, 10};
  CHECK(plan.due(0) == 0);
  CHECK(plan.due(0.001) == 2);
  CHECK(plan.due(10) == 20'000);
  CHECK(plan.due(11) == 21'000);
  CHECK(schedule{1'000, 5, 0}.due(2) == 2'000);
  CHECK(schedule{0.5, 1, 0}.due(1.9) == 0);
  for (const double cut : {0.0, 2.5, 9.0, 10.0, 50.0}) {
    const std::uint64_t in_two = plan.due(cut) + plan.from(cut, 1'000).due(100 - cut);
    CHECK(in_two <= plan.due(100));
    CHECK(in_two + 1 >= plan.due(100));
  }
  CHECK(plan.from(11, 7).due(2) == 14);
}
