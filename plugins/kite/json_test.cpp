#include "random_test.hpp"

#include <kite/frame.hpp>
#include <kite/json.hpp>
#include <kite/test_support.hpp>

#include <doctest/doctest.h>
#include <boost/json.hpp>

#include <cmath>
#include <limits>

using namespace sluice::kite;
namespace json = boost::json;

namespace {

json::object parsed(const packet& of) { return json::parse("{" + tick_json(of) + "}").as_object(); }

packet infosys() {
  packet made;
  made.kind = packet_kind::quote;
  made.token = 408065;
  made.last_price = 157315;
  made.last_quantity = 1;
  made.average_price = 157033;
  made.volume = 1175986;
  made.buy_quantity = 256511;
  made.sell_quantity = 360503;
  made.open = 156915;
  made.high = 157500;
  made.low = 156105;
  made.close = 156780;
  return made;
}

}  // namespace

TEST_CASE("a quote in the official clients' names") {
  CHECK(tick_json(infosys()) ==
        R"("tradable":true,"mode":"quote","instrument_token":408065,"last_price":1573.15,)"
        R"("last_traded_quantity":1,"average_traded_price":1570.33,"volume_traded":1175986,)"
        R"("total_buy_quantity":256511,"total_sell_quantity":360503,)"
        R"("ohlc":{"open":1569.15,"high":1575.00,"low":1561.05,"close":1567.80},"change":0.34124)");
}

TEST_CASE("the other kinds carry what they have, and no zero times") {
  packet made = infosys();
  made.kind = packet_kind::ltp;
  CHECK(tick_json(made) ==
        R"("tradable":true,"mode":"ltp","instrument_token":408065,"last_price":1573.15)");
  made.kind = packet_kind::index_full;
  made.token = 256265;
  CHECK(tick_json(made) ==
        R"("tradable":false,"mode":"full","instrument_token":256265,"last_price":1573.15,)"
        R"("ohlc":{"open":1569.15,"high":1575.00,"low":1561.05,"close":1567.80},"change":0.34124)");
  made.exchange_time = 1655378328;
  CHECK(parsed(made).at("exchange_timestamp") == 1655378328);

  made = infosys();
  made.kind = packet_kind::full;
  made.sell[4] = {70, 157400, 3};
  json::object got = parsed(made);
  CHECK(!got.contains("last_trade_time"));
  CHECK(!got.contains("exchange_timestamp"));
  CHECK(got.at("depth").at("buy").as_array().size() == 5);
  CHECK(json::serialize(got.at("depth").at("sell").at(4)) ==
        R"({"quantity":70,"price":1.574E3,"orders":3})");
  made.last_trade_time = 5;
  CHECK(parsed(made).at("last_trade_time") == 5);
}

TEST_CASE("prices are exact, whatever the segment") {
  packet made;
  const auto price = [&made](std::uint32_t token, std::int32_t raw) {
    made.token = token;
    made.last_price = raw;
    const std::string text = tick_json(made);
    return text.substr(text.find("last_price") + 12);
  };
  CHECK(price(408065, 0) == "0.00");
  CHECK(price(408065, 5) == "0.05");
  CHECK(price(408065, -5) == "-0.05");
  CHECK(price(301059, 832'450'000) == "83.2450000");
  CHECK(price(301059, -1) == "-0.0000001");
  CHECK(price(0x0106, 832'451) == "83.2451");
  CHECK(price(408065, std::numeric_limits<std::int32_t>::max()) == "21474836.47");
  CHECK(price(408065, std::numeric_limits<std::int32_t>::min()) == "-21474836.48");
}

TEST_CASE("change is per cent of the previous close, rounded, 0 without one") {
  packet made = infosys();
  const auto change = [&made](std::int32_t last, std::int32_t close) {
    made.last_price = last;
    made.close = close;
    const std::string text = tick_json(made);
    return text.substr(text.find("\"change\":") + 9);
  };
  CHECK(change(157315, 0) == "0.00000");
  CHECK(change(39295, 41410) == "-5.10746");
  CHECK(change(100, 100) == "0.00000");
  CHECK(change(2'147'483'647, 1) == "214748364600.00000");
  CHECK(change(-300, -200) == "50.00000");
  CHECK(change(std::numeric_limits<std::int32_t>::min(), -1) == "214748364700.00000");
}

TEST_CASE("random ticks are JSON with the packet's values") {
  const auto seed = sluice::test_seed();
  INFO("SLUICE_SEED=" << seed);
  std::mt19937_64 random{seed};
  for (int i = 0; i < 5'000; ++i) {
    const packet made = random_packet(random);
    const json::object got = parsed(made);
    const double divisor = divisor_of(made.token);
    REQUIRE(got.at("instrument_token").to_number<std::uint32_t>() == made.token);
    REQUIRE(std::llround(got.at("last_price").to_number<double>() * divisor) == made.last_price);
    if (made.kind == packet_kind::ltp) continue;
    REQUIRE(std::llround(got.at("ohlc").at("low").to_number<double>() * divisor) == made.low);
    if (made.close != 0) {
      const double exact = (double(made.last_price) - made.close) * 100 / made.close;
      REQUIRE(got.at("change").to_number<double>() ==
              doctest::Approx(exact).epsilon(1e-9).scale(1e4));
    }
    if (made.kind != packet_kind::full) continue;
    REQUIRE(got.at("volume_traded").to_number<std::uint32_t>() == made.volume);
    REQUIRE(got.at("oi_day_low").to_number<std::uint32_t>() == made.oi_day_low);
    const json::value& level = got.at("depth").at("sell").at(2);
    REQUIRE(level.at("quantity").to_number<std::uint32_t>() == made.sell[2].quantity);
    REQUIRE(level.at("orders").to_number<std::uint32_t>() == made.sell[2].orders);
  }
}

TEST_CASE("the largest tick fits json_max, and a small buffer is told what it takes") {
  constexpr auto most = std::numeric_limits<std::uint32_t>::max();
  constexpr auto lowest = std::numeric_limits<std::int32_t>::min();
  packet made;
  made.kind = packet_kind::full;
  made.token = most - 0xff + 6;
  made.last_price = made.average_price = made.open = made.high = made.low = lowest;
  made.close = 1;
  made.last_quantity = made.volume = made.buy_quantity = made.sell_quantity = most;
  made.last_trade_time = made.exchange_time = made.oi = made.oi_day_high = made.oi_day_low = most;
  made.buy.fill({most, lowest, 65'535});
  made.sell = made.buy;
  const std::string whole = tick_json(made);
  CHECK(whole.size() + 8 <= tick_json_max);
  json::parse("{" + whole + "}");

  std::array<std::uint8_t, packet_size_max> wire;
  const bytes_view packet_bytes{wire.data(), encode(made, wire)};
  std::vector<char> small(whole.size());
  CHECK(write_tick(packet_bytes, small.data(), small.size() - 1) == whole.size());
  REQUIRE(write_tick(packet_bytes, small.data(), small.size()) == whole.size());
  CHECK(std::string{small.data(), small.size()} == whole);
  CHECK(write_tick(packet_bytes.first(100), small.data(), small.size()) == 0);
}

TEST_CASE("fields are read by their JSON names") {
  packet made = infosys();
  made.kind = packet_kind::full;
  made.buy[3] = {9, 157300, 4};
  CHECK(read_tick(made, "last_price").number == doctest::Approx(1573.15));
  CHECK(read_tick(made, "last_price").kind == SLUICE_IS_NUMBER);
  CHECK(read_tick(made, "volume_traded").integer == 1175986);
  CHECK(read_tick(made, "ohlc.open").number == doctest::Approx(1569.15));
  CHECK(read_tick(made, "depth.buy.3.price").number == doctest::Approx(1573));
  CHECK(read_tick(made, "depth.buy.3.orders").integer == 4);
  CHECK(read_tick(made, "depth.sell.4.quantity").integer == 0);
  CHECK(read_tick(made, "change").number == doctest::Approx(0.34124));
  CHECK(read_tick(made, "tradable").integer == 1);
  CHECK(sluice_str{read_tick(made, "mode").string}.size == 4);
  CHECK(read_tick(made, "instrument_token").integer == 408065);
  for (const auto* absent : {"last_trade_time", "exchange_timestamp", "nothing",
                             "depth.buy.5.price", "depth.buy.3.", "depth.buy.", ""})
    CHECK(read_tick(made, absent).kind == SLUICE_ABSENT);
  made.kind = packet_kind::ltp;
  for (const auto* absent : {"ohlc.open", "change", "volume_traded", "depth.buy.0.price"})
    CHECK(read_tick(made, absent).kind == SLUICE_ABSENT);
  made.kind = packet_kind::index_quote;
  CHECK(read_tick(made, "ohlc.high").number == doctest::Approx(1575));
  CHECK(read_tick(made, "volume_traded").kind == SLUICE_ABSENT);
}

TEST_CASE("an order is written as the broker wrote it") {
  const std::string order =
      R"({"order_id":"1","average_price":470.10,"filled_quantity":3,"tag":null})";
  sluice_record record{};
  record.data = bytes_of(order).data();
  record.size = static_cast<std::uint32_t>(order.size());
  char out[256];
  REQUIRE(order_codec.write_json(&record, out, sizeof out) == order.size() - 2);
  CHECK(std::string{out, order.size() - 2} == order.substr(1, order.size() - 2));
  CHECK(order_codec.write_json(&record, out, 4) == order.size() - 2);

  sluice_scalar field{};
  CHECK(order_codec.read_field(&record, {"filled_quantity", 15}, &field) == SLUICE_OK);
  CHECK(field.integer == 3);
  CHECK(order_codec.read_field(&record, {"average_price", 13}, &field) == SLUICE_OK);
  CHECK(field.number == doctest::Approx(470.1));
  CHECK(order_codec.read_field(&record, {"order_id", 8}, &field) == SLUICE_OK);
  CHECK(std::string_view{field.string.data, field.string.size} == "1");
  CHECK(order_codec.read_field(&record, {"tag", 3}, &field) == SLUICE_OK);
  CHECK(field.kind == SLUICE_ABSENT);
  record.size = 5;
  CHECK(order_codec.write_json(&record, out, sizeof out) == 0);
  CHECK(order_codec.read_field(&record, {"tag", 3}, &field) == SLUICE_FAILED);
}

namespace {

packet only_packet(const std::string& frame) {
  std::optional<packet> found;
  const auto summary =
      split(bytes_of(frame), [&](bytes_view wire, packet_kind) { found = decode(wire); });
  CHECK(summary.packets == 1);
  CHECK(!summary.damaged);
  REQUIRE(found);
  return *found;
}

}  // namespace

TEST_CASE("recorded frames have the values that are known of them") {
  const std::string folder = frames_folder();
  if (folder.empty()) return;
  CHECK(only_packet(read_file(folder + "/mocks_quote_44.frame.bin")) == infosys());

  const packet ltp = only_packet(read_file(folder + "/js_ltpMode_binary.frame.bin"));
  CHECK(ltp.kind == packet_kind::ltp);
  CHECK(ltp.token == 884737);

  const packet full = only_packet(read_file(folder + "/js_fullMode_binary.frame.bin"));
  CHECK(full.kind == packet_kind::full);
  const json::object got = parsed(full);
  CHECK(got.at("instrument_token") == 884737);
  CHECK(got.at("last_price") == 392.95);
  CHECK(got.at("volume_traded") == 22261032);
  CHECK(got.at("last_trade_time") == 1655375264);
  CHECK(got.at("exchange_timestamp") == 1655378328);
  CHECK(got.at("change") == -5.10746);
  const json::value& bid = got.at("depth").at("buy").at(0);
  CHECK(bid.at("quantity") == 5617);
  CHECK(bid.at("price") == 392.95);
  CHECK(bid.at("orders") == 30);
  for (std::size_t i = 0; i < 5; ++i) CHECK(full.sell[i] == depth_level{});
}
