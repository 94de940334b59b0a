// kite/packet.hpp - one instrument's packet of the Kite ticker protocol.
//
// Five kinds, told apart by their length alone. Prices stay the integers of the wire; the segment
// (the token's low byte) says by what power of ten they are divided. Prices are signed (spreads and
// commodities go below zero); quantities, volumes, tokens and times are unsigned.
//
// Every function is stateless and may be called on any thread.
#pragma once

#include <kite/limits.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::kite {

using bytes_view = std::span<const std::uint8_t>;

enum class mode : std::uint8_t { ltp, quote, full };

/// The protocol's word for it: "ltp", "quote", "full".
constexpr std::string_view name_of(mode which) {
  constexpr std::array<std::string_view, 3> names{"ltp", "quote", "full"};
  return names[static_cast<std::size_t>(which)];
}
constexpr std::optional<mode> parse_mode(std::string_view name) {
  if (name == "ltp") return mode::ltp;
  if (name == "quote") return mode::quote;
  if (name == "full") return mode::full;
  return std::nullopt;
}

enum class packet_kind : std::uint8_t { ltp, index_quote, index_full, quote, full };

constexpr std::size_t size_of(packet_kind kind) {
  constexpr std::array<std::size_t, 5> sizes{8, 28, 32, 44, 184};
  return sizes[static_cast<std::size_t>(kind)];
}
/// Empty: not a length of this protocol version; the packet is skipped by its length.
constexpr std::optional<packet_kind> kind_of(std::size_t length) {
  switch (length) {
    case 8: return packet_kind::ltp;
    case 28: return packet_kind::index_quote;
    case 32: return packet_kind::index_full;
    case 44: return packet_kind::quote;
    case 184: return packet_kind::full;
    default: return std::nullopt;
  }
}
constexpr mode mode_of(packet_kind kind) {
  if (kind == packet_kind::ltp) return mode::ltp;
  return kind == packet_kind::full || kind == packet_kind::index_full ? mode::full : mode::quote;
}

enum class segment : std::uint8_t {
  nse = 1,
  nfo = 2,
  cds = 3,
  bse = 4,
  bfo = 5,
  bcd = 6,
  mcx = 7,
  mcxsx = 8,
  indices = 9
};

/// The segment's number, which may be none of the enum's: such tokens are taken as tradable with
/// two decimals, as every official client does.
constexpr segment segment_of(std::uint32_t token) { return static_cast<segment>(token & 0xffu); }
constexpr bool known(segment which) { return which >= segment::nse && which <= segment::indices; }
constexpr bool tradable(std::uint32_t token) { return segment_of(token) != segment::indices; }
/// Digits behind the decimal point of a price: 7 for CDS, 4 for BCD, else 2.
constexpr unsigned decimals_of(std::uint32_t token) {
  const segment of = segment_of(token);
  return of == segment::cds ? 7 : of == segment::bcd ? 4 : 2;
}
/// What a price of the wire is divided by.
constexpr std::uint32_t divisor_of(std::uint32_t token) {
  const segment of = segment_of(token);
  return of == segment::cds ? 10'000'000 : of == segment::bcd ? 10'000 : 100;
}
/// The kind a token is sent as in a mode: indices have packets of their own.
constexpr packet_kind kind_for(std::uint32_t token, mode in) {
  if (in == mode::ltp) return packet_kind::ltp;
  if (in == mode::full) return tradable(token) ? packet_kind::full : packet_kind::index_full;
  return tradable(token) ? packet_kind::quote : packet_kind::index_quote;
}

struct depth_level {
  std::uint32_t quantity = 0;
  std::int32_t price = 0;
  std::uint16_t orders = 0;

  bool operator==(const depth_level&) const = default;
};

/// A decoded packet. What its kind does not carry is zero. Times are unix seconds, 0: none.
struct packet {
  packet_kind kind = packet_kind::ltp;
  std::uint32_t token = 0;
  std::int32_t last_price = 0;
  std::uint32_t last_quantity = 0;
  std::int32_t average_price = 0;
  std::uint32_t volume = 0;
  std::uint32_t buy_quantity = 0, sell_quantity = 0;
  std::int32_t open = 0, high = 0, low = 0;
  std::int32_t close = 0;  ///< of the previous day
  std::uint32_t last_trade_time = 0;
  std::uint32_t oi = 0, oi_day_high = 0, oi_day_low = 0;
  std::uint32_t exchange_time = 0;
  std::array<depth_level, 5> buy{}, sell{};

  bool operator==(const packet&) const = default;
};

constexpr std::uint16_t load_u16(const std::uint8_t* at) {
  return static_cast<std::uint16_t>(at[0] << 8 | at[1]);
}
constexpr std::uint32_t load_u32(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 |
         at[3];
}
constexpr std::int32_t load_price(const std::uint8_t* at) {
  return static_cast<std::int32_t>(load_u32(at));
}

/// The instrument token of a packet of any kind, without decoding it.
constexpr std::uint32_t peek_token(bytes_view packet) { return load_u32(packet.data()); }
/// The exchange's unix seconds; 0 if this kind has none or the exchange gave none.
constexpr std::uint32_t peek_exchange_time(bytes_view packet) {
  if (packet.size() == size_of(packet_kind::full)) return load_u32(packet.data() + 60);
  if (packet.size() == size_of(packet_kind::index_full)) return load_u32(packet.data() + 28);
  return 0;
}

/// Empty if the length is none of the five.
std::optional<packet> decode(bytes_view wire);

/// Writes the packet in wire form, as many bytes as its kind has; returns them.
/// `out` must have room: size_of(packet.kind), at most packet_size_max. The index packets' field of
/// the price change is written as last - close.
std::size_t encode(const packet& from, std::span<std::uint8_t> out);

}  // namespace sluice::kite
