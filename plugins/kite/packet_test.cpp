#include "random_test.hpp"

#include <kite/frame.hpp>
#include <kite/json.hpp>
#include <kite/test_support.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice::kite;

TEST_CASE("a packet's kind is its length alone") {
  CHECK(kind_of(8) == packet_kind::ltp);
  CHECK(kind_of(28) == packet_kind::index_quote);
  CHECK(kind_of(32) == packet_kind::index_full);
  CHECK(kind_of(44) == packet_kind::quote);
  CHECK(kind_of(184) == packet_kind::full);
  for (const std::size_t other : {0, 1, 7, 9, 16, 45, 164, 183, 185}) CHECK(!kind_of(other));
  CHECK(mode_of(packet_kind::index_quote) == mode::quote);
  CHECK(mode_of(packet_kind::index_full) == mode::full);
}

TEST_CASE("the segment says the divisor and whether it is traded") {
  CHECK(divisor_of(408065) == 100);
  CHECK(divisor_of(301059) == 10'000'000);  // CDS
  CHECK(decimals_of(301059) == 7);
  CHECK(divisor_of(0x0106) == 10'000);  // BCD
  CHECK(decimals_of(0x0106) == 4);
  CHECK(divisor_of(62900999) == 100);  // MCX
  CHECK(!tradable(256265));
  CHECK(!tradable(265));
  CHECK(tradable(408065));
  CHECK(!known(segment_of(0x01ff)));
  CHECK(tradable(0x01ff));
  CHECK(divisor_of(0x01ff) == 100);
  CHECK(kind_for(256265, mode::full) == packet_kind::index_full);
  CHECK(kind_for(408065, mode::quote) == packet_kind::quote);
}

TEST_CASE("every kind comes back from its wire form") {
  const auto seed = sluice::test_seed();
  INFO("SLUICE_SEED=" << seed);
  std::mt19937_64 random{seed};
  for (int i = 0; i < 20'000; ++i) {
    const packet made = random_packet(random);
    std::array<std::uint8_t, packet_size_max> wire;
    const std::size_t size = encode(made, wire);
    REQUIRE(size == size_of(made.kind));
    const auto back = decode({wire.data(), size});
    REQUIRE(back.has_value());
    REQUIRE(*back == made);
    REQUIRE(peek_token({wire.data(), size}) == made.token);
    REQUIRE(peek_exchange_time({wire.data(), size}) == made.exchange_time);
  }
}

TEST_CASE("prices are signed, quantities are not") {
  packet made;
  made.kind = packet_kind::full;
  made.token = 62900999;
  made.last_price = -3763;
  made.volume = 2'415'919'104;
  made.buy[0] = {3'000'000'000, -5, 65'535};
  std::array<std::uint8_t, packet_size_max> wire;
  const auto back = decode({wire.data(), encode(made, wire)});
  REQUIRE(back);
  CHECK(back->last_price == -3763);
  CHECK(back->volume == 2'415'919'104);
  CHECK(back->buy[0].orders == 65'535);
  CHECK(tick_json({wire.data(), 184}).find("\"last_price\":-37.63,") != std::string::npos);
}

TEST_CASE("index packets are laid out high, low, open, close") {
  packet made;
  made.kind = packet_kind::index_full;
  made.token = 256265;
  made.last_price = 5;
  made.high = 1;
  made.low = 2;
  made.open = 3;
  made.close = 4;
  made.exchange_time = 7;
  std::array<std::uint8_t, packet_size_max> wire;
  REQUIRE(encode(made, wire) == 32);
  CHECK(load_u32(&wire[8]) == 1);
  CHECK(load_u32(&wire[12]) == 2);
  CHECK(load_u32(&wire[16]) == 3);
  CHECK(load_u32(&wire[20]) == 4);
  CHECK(load_u32(&wire[24]) == 1);
  CHECK(load_u32(&wire[28]) == 7);
}

TEST_CASE("an index packet's own change is not believed: it was per cent once, and is net now") {
  packet made;
  made.kind = packet_kind::index_quote;
  made.token = 256265;
  made.last_price = 101;
  made.close = 100;
  std::array<std::uint8_t, packet_size_max> wire;
  const bytes_view sent{wire.data(), encode(made, wire)};
  std::fill_n(&wire[24], 4, std::uint8_t{0xdc});
  CHECK(decode(sent) == made);
  CHECK(tick_json(sent).ends_with("\"change\":1.00000"));
}

TEST_CASE("other lengths are no packets") {
  const std::array<std::uint8_t, 200> zeros{};
  for (std::size_t size = 0; size <= zeros.size(); ++size)
    CHECK(decode({zeros.data(), size}).has_value() == kind_of(size).has_value());
}
