// kite/json.hpp - the codecs of the Kite plugins' schemas.
//
// kite.tick/1   payload: one packet in wire form (packet.hpp)
// kite.order/1  payload: the JSON object of an order update, without white space between its parts
#pragma once

#include <sluice/ext/codec.h>
#include <kite/packet.hpp>

#include <cstdint>
#include <string_view>

namespace sluice::kite {

inline constexpr std::string_view tick_schema = "kite.tick/1";
inline constexpr std::string_view order_schema = "kite.order/1";

/// A tick as JSON members with the official clients' names: tradable, mode, instrument_token,
/// last_price, and from quote on last_traded_quantity, average_traded_price, volume_traded,
/// total_buy_quantity, total_sell_quantity, ohlc, change; in full mode also last_trade_time, oi,
/// oi_day_high, oi_day_low, exchange_timestamp, depth. Prices are exact decimals, times unix
/// seconds, a time of 0 is left out; `change` is per cent of the previous close, rounded to five
/// decimals, 0 without a close. Index packets have neither quantities, trade time, oi nor depth.
extern const sluice_codec tick_codec;

/// An order update: the members as the broker wrote them.
extern const sluice_codec order_codec;

/// Most bytes tick members can take; with this capacity write_tick cannot fail on a good packet.
inline constexpr std::size_t tick_json_max = 1'536;

/// What tick_codec.write_json does: bytes written; more than `capacity`: nothing usable was
/// written, that much suffices; 0: not a packet.
std::size_t write_tick(bytes_view wire, char* out, std::size_t capacity);

}  // namespace sluice::kite
