// kite/test_support.hpp - what the tests of this folder share.
#pragma once

#include <kite/json.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace sluice::kite {

/// Any values in any kind; what the kind does not carry stays zero.
inline packet random_packet(std::mt19937_64& random) {
  const auto u32 = [&random] { return static_cast<std::uint32_t>(random() >> (random() % 33)); };
  const auto i32 = [&u32] { return static_cast<std::int32_t>(u32()); };
  packet made;
  made.kind = static_cast<packet_kind>(random() % 5);
  made.token = u32();
  made.last_price = i32();
  if (made.kind == packet_kind::ltp) return made;
  made.open = i32();
  made.high = i32();
  made.low = i32();
  made.close = i32();
  if (made.kind == packet_kind::index_full) made.exchange_time = u32();
  if (made.kind == packet_kind::index_quote || made.kind == packet_kind::index_full) return made;
  made.last_quantity = u32();
  made.average_price = i32();
  made.volume = u32();
  made.buy_quantity = u32();
  made.sell_quantity = u32();
  if (made.kind == packet_kind::quote) return made;
  made.last_trade_time = u32();
  made.oi = u32();
  made.oi_day_high = u32();
  made.oi_day_low = u32();
  made.exchange_time = u32();
  for (auto* side : {&made.buy, &made.sell})
    for (depth_level& level : *side) level = {u32(), i32(), static_cast<std::uint16_t>(u32())};
  return made;
}

inline std::string tick_json(bytes_view wire) {
  std::string out(tick_json_max, '\0');
  out.resize(write_tick(wire, out.data(), out.size()));
  return out;
}
inline std::string tick_json(const packet& of) {
  std::array<std::uint8_t, packet_size_max> wire;
  return tick_json({wire.data(), encode(of, wire)});
}

inline sluice_scalar read_tick(const packet& of, std::string_view name) {
  std::array<std::uint8_t, packet_size_max> wire;
  sluice_record record{};
  record.data = wire.data();
  record.size = static_cast<std::uint32_t>(encode(of, wire));
  sluice_scalar out{};
  CHECK(tick_codec.read_field(&record, {name.data(), name.size()}, &out) == SLUICE_OK);
  return out;
}

/// The folder of recorded bytes; empty: not given, the test says that it was skipped.
inline std::string frames_folder() {
  const char* given = std::getenv("SLUICE_KITE_FRAMES");
  if (given == nullptr || *given == '\0') {
    MESSAGE("skipped: SLUICE_KITE_FRAMES names no folder of recorded frames");
    return {};
  }
  return given;
}
inline std::string read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  INFO("file " << path);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>{in}, {}};
}
inline bytes_view bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace sluice::kite
