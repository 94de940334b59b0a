#include <kite/packet.hpp>

#include <cassert>

namespace sluice::kite {
namespace {

// Where the fields stand; depth: five bids, then five offers, 12 bytes each of which 2 are padding.
constexpr std::size_t depth_at = 64;
constexpr std::size_t level_size = 12;

void store_u32(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 24);
  at[1] = static_cast<std::uint8_t>(value >> 16);
  at[2] = static_cast<std::uint8_t>(value >> 8);
  at[3] = static_cast<std::uint8_t>(value);
}
void store_price(std::uint8_t* at, std::int32_t value) {
  store_u32(at, static_cast<std::uint32_t>(value));
}

depth_level load_level(const std::uint8_t* at) {
  return {load_u32(at), load_price(at + 4), load_u16(at + 8)};
}
void store_level(std::uint8_t* at, const depth_level& level) {
  store_u32(at, level.quantity);
  store_price(at + 4, level.price);
  at[8] = static_cast<std::uint8_t>(level.orders >> 8);
  at[9] = static_cast<std::uint8_t>(level.orders);
  at[10] = at[11] = 0;
}

void decode_index(bytes_view wire, packet& into) {
  into.high = load_price(&wire[8]);
  into.low = load_price(&wire[12]);
  into.open = load_price(&wire[16]);
  into.close = load_price(&wire[20]);
  if (into.kind == packet_kind::index_full) into.exchange_time = load_u32(&wire[28]);
}

void decode_quote(bytes_view wire, packet& into) {
  into.last_quantity = load_u32(&wire[8]);
  into.average_price = load_price(&wire[12]);
  into.volume = load_u32(&wire[16]);
  into.buy_quantity = load_u32(&wire[20]);
  into.sell_quantity = load_u32(&wire[24]);
  into.open = load_price(&wire[28]);
  into.high = load_price(&wire[32]);
  into.low = load_price(&wire[36]);
  into.close = load_price(&wire[40]);
}

void decode_full(bytes_view wire, packet& into) {
  decode_quote(wire, into);
  into.last_trade_time = load_u32(&wire[44]);
  into.oi = load_u32(&wire[48]);
  into.oi_day_high = load_u32(&wire[52]);
  into.oi_day_low = load_u32(&wire[56]);
  into.exchange_time = load_u32(&wire[60]);
  for (std::size_t i = 0; i < 5; ++i) {
    into.buy[i] = load_level(&wire[depth_at + i * level_size]);
    into.sell[i] = load_level(&wire[depth_at + (5 + i) * level_size]);
  }
}

void encode_index(const packet& from, std::uint8_t* out) {
  store_price(out + 8, from.high);
  store_price(out + 12, from.low);
  store_price(out + 16, from.open);
  store_price(out + 20, from.close);
  store_u32(out + 24,
            static_cast<std::uint32_t>(from.last_price) - static_cast<std::uint32_t>(from.close));
  if (from.kind == packet_kind::index_full) store_u32(out + 28, from.exchange_time);
}

void encode_quote(const packet& from, std::uint8_t* out) {
  store_u32(out + 8, from.last_quantity);
  store_price(out + 12, from.average_price);
  store_u32(out + 16, from.volume);
  store_u32(out + 20, from.buy_quantity);
  store_u32(out + 24, from.sell_quantity);
  store_price(out + 28, from.open);
  store_price(out + 32, from.high);
  store_price(out + 36, from.low);
  store_price(out + 40, from.close);
}

void encode_full(const packet& from, std::uint8_t* out) {
  encode_quote(from, out);
  store_u32(out + 44, from.last_trade_time);
  store_u32(out + 48, from.oi);
  store_u32(out + 52, from.oi_day_high);
  store_u32(out + 56, from.oi_day_low);
  store_u32(out + 60, from.exchange_time);
  for (std::size_t i = 0; i < 5; ++i) {
    store_level(out + depth_at + i * level_size, from.buy[i]);
    store_level(out + depth_at + (5 + i) * level_size, from.sell[i]);
  }
}

}  // namespace

std::optional<packet> decode(bytes_view wire) {
  const auto kind = kind_of(wire.size());
  if (!kind) return std::nullopt;
  packet into;
  into.kind = *kind;
  into.token = load_u32(&wire[0]);
  into.last_price = load_price(&wire[4]);
  switch (*kind) {
    case packet_kind::ltp: break;
    case packet_kind::index_quote:
    case packet_kind::index_full: decode_index(wire, into); break;
    case packet_kind::quote: decode_quote(wire, into); break;
    case packet_kind::full: decode_full(wire, into); break;
  }
  return into;
}

std::size_t encode(const packet& from, std::span<std::uint8_t> out) {
  const std::size_t size = size_of(from.kind);
  assert(out.size() >= size);
  store_u32(out.data(), from.token);
  store_price(out.data() + 4, from.last_price);
  switch (from.kind) {
    case packet_kind::ltp: break;
    case packet_kind::index_quote:
    case packet_kind::index_full: encode_index(from, out.data()); break;
    case packet_kind::quote: encode_quote(from, out.data()); break;
    case packet_kind::full: encode_full(from, out.data()); break;
  }
  return size;
}

}  // namespace sluice::kite
