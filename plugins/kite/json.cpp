#include <kite/json.hpp>

#include <kite/json_scan.hpp>
#include <kite/json_writer.hpp>

#include <array>
#include <cstring>

namespace sluice::kite {
namespace {

/// Per cent of the previous close in units of 10^-5, rounded half away from zero.
std::int64_t change_of(std::int32_t last, std::int32_t close) {
  if (close == 0) return 0;
  const std::int64_t scaled = (std::int64_t{last} - close) * 10'000'000;
  const std::int64_t half = std::int64_t{close} / 2;
  return (scaled < 0) == (close < 0) ? (scaled + half) / close : (scaled - half) / close;
}

// `at` is where to write; every function returns where it stopped. Decimals: the segment's, chosen
// once a tick, not for each price.

template <std::size_t Size>
inline char* named(char* at, const char (&name)[Size], const std::uint8_t* field) {
  return json_out::number(json_out::text(at, name), load_u32(field));
}

/// A time of 0 is none.
template <std::size_t Size>
inline char* named_time(char* at, const char (&name)[Size], const std::uint8_t* field) {
  return load_u32(field) == 0 ? at : named(at, name, field);
}

template <int Decimals, std::size_t Size>
inline char* named_price(char* at, const char (&name)[Size], const std::uint8_t* field) {
  return json_out::decimal<Decimals>(json_out::text(at, name), load_price(field));
}

template <int Decimals>
char* write_head(char* at, const std::uint8_t* wire, packet_kind kind) {
  at = tradable(load_u32(wire)) ? json_out::text(at, "\"tradable\":true,\"mode\":\"")
                                : json_out::text(at, "\"tradable\":false,\"mode\":\"");
  switch (mode_of(kind)) {
    case mode::ltp: at = json_out::text(at, "ltp"); break;
    case mode::quote: at = json_out::text(at, "quote"); break;
    case mode::full: at = json_out::text(at, "full"); break;
  }
  at = named(at, "\",\"instrument_token\":", wire);
  return named_price<Decimals>(at, ",\"last_price\":", wire + 4);
}

struct day_prices {
  std::size_t open, high, low, close;
};
constexpr day_prices in_index{16, 8, 12, 20};
constexpr day_prices in_quote{28, 32, 36, 40};

template <int Decimals>
char* write_day(char* at, const std::uint8_t* wire, const day_prices& place) {
  at = named_price<Decimals>(at, ",\"ohlc\":{\"open\":", wire + place.open);
  at = named_price<Decimals>(at, ",\"high\":", wire + place.high);
  at = named_price<Decimals>(at, ",\"low\":", wire + place.low);
  at = named_price<Decimals>(at, ",\"close\":", wire + place.close);
  at = json_out::text(at, "},\"change\":");
  return json_out::decimal<5>(at, change_of(load_price(wire + 4), load_price(wire + place.close)));
}

template <int Decimals>
char* write_quote(char* at, const std::uint8_t* wire) {
  at = named(at, ",\"last_traded_quantity\":", wire + 8);
  at = named_price<Decimals>(at, ",\"average_traded_price\":", wire + 12);
  at = named(at, ",\"volume_traded\":", wire + 16);
  at = named(at, ",\"total_buy_quantity\":", wire + 20);
  at = named(at, ",\"total_sell_quantity\":", wire + 24);
  return write_day<Decimals>(at, wire, in_quote);
}

/// Five levels; begins behind the first one's brace and ends before the last one's.
template <int Decimals>
char* write_side(char* at, const std::uint8_t* level) {
  for (std::size_t i = 0;; ++i, level += 12) {
    at = named(at, "\"quantity\":", level);
    at = named_price<Decimals>(at, ",\"price\":", level + 4);
    at = json_out::tiny(json_out::text(at, ",\"orders\":"), load_u16(level + 8));
    if (i == 4) return at;
    at = json_out::text(at, "},{");
  }
}

template <int Decimals>
char* write_rest_of_full(char* at, const std::uint8_t* wire) {
  at = named_time(at, ",\"last_trade_time\":", wire + 44);
  at = named_time(at, ",\"exchange_timestamp\":", wire + 60);
  at = named(at, ",\"oi\":", wire + 48);
  at = named(at, ",\"oi_day_high\":", wire + 52);
  at = named(at, ",\"oi_day_low\":", wire + 56);
  at = write_side<Decimals>(json_out::text(at, ",\"depth\":{\"buy\":[{"), wire + 64);
  at = write_side<Decimals>(json_out::text(at, "}],\"sell\":[{"), wire + 124);
  return json_out::text(at, "}]}");
}

template <int Decimals>
char* write_members(char* at, const std::uint8_t* wire, packet_kind kind) {
  at = write_head<Decimals>(at, wire, kind);
  switch (kind) {
    case packet_kind::ltp: return at;
    case packet_kind::index_quote: return write_day<Decimals>(at, wire, in_index);
    case packet_kind::index_full:
      at = write_day<Decimals>(at, wire, in_index);
      return named_time(at, ",\"exchange_timestamp\":", wire + 28);
    case packet_kind::quote: return write_quote<Decimals>(at, wire);
    case packet_kind::full: break;
  }
  return write_rest_of_full<Decimals>(write_quote<Decimals>(at, wire), wire);
}

/// `out` has room for tick_json_max.
std::size_t write_whole(bytes_view wire, packet_kind kind, char* out) {
  char* end = out;
  switch (decimals_of(peek_token(wire))) {
    case 7: end = write_members<7>(out, wire.data(), kind); break;
    case 4: end = write_members<4>(out, wire.data(), kind); break;
    default: end = write_members<2>(out, wire.data(), kind); break;
  }
  return static_cast<std::size_t>(end - out);
}

std::uint64_t write_tick_record(const sluice_record* record, char* out, std::uint64_t capacity) {
  return write_tick({record->data, record->size}, out, capacity);
}

// --- read_field ------------------------------------------------------------------------------

enum class form : std::uint8_t { number, price, time };
struct tick_field {
  std::string_view name;
  form as;
  std::uint8_t tradable_at;  ///< 0: tradable packets have none
  std::uint8_t index_at;     ///< 0: index packets have none
};

// `instrument_token` stands at 0 and is read apart.
constexpr std::array tick_fields{
    tick_field{"last_price", form::price, 4, 4},
    tick_field{"last_traded_quantity", form::number, 8, 0},
    tick_field{"average_traded_price", form::price, 12, 0},
    tick_field{"volume_traded", form::number, 16, 0},
    tick_field{"total_buy_quantity", form::number, 20, 0},
    tick_field{"total_sell_quantity", form::number, 24, 0},
    tick_field{"ohlc.open", form::price, 28, 16},
    tick_field{"ohlc.high", form::price, 32, 8},
    tick_field{"ohlc.low", form::price, 36, 12},
    tick_field{"ohlc.close", form::price, 40, 20},
    tick_field{"last_trade_time", form::time, 44, 0},
    tick_field{"oi", form::number, 48, 0},
    tick_field{"oi_day_high", form::number, 52, 0},
    tick_field{"oi_day_low", form::number, 56, 0},
    tick_field{"exchange_timestamp", form::time, 60, 28},
};

void set_integer(sluice_scalar& out, std::int64_t value) {
  out.kind = SLUICE_IS_INTEGER;
  out.integer = value;
  out.number = static_cast<double>(value);
}
void set_number(sluice_scalar& out, double value) {
  out.kind = SLUICE_IS_NUMBER;
  out.number = value;
}
void set_string(sluice_scalar& out, std::string_view value) {
  out.kind = SLUICE_IS_STRING;
  out.string = {value.data(), value.size()};
}

void read_raw(bytes_view wire, form as, std::size_t at, sluice_scalar& out) {
  if (as == form::price)
    set_number(out, static_cast<double>(load_price(&wire[at])) / divisor_of(peek_token(wire)));
  else if (as == form::number || load_u32(&wire[at]) != 0)
    set_integer(out, load_u32(&wire[at]));
}

/// depth.buy.0.price, depth.sell.4.orders, ...
void read_depth(bytes_view wire, std::string_view name, sluice_scalar& out) {
  const bool buy = name.starts_with("depth.buy.");
  if ((!buy && !name.starts_with("depth.sell.")) || wire.size() != size_of(packet_kind::full))
    return;
  name.remove_prefix(buy ? 10 : 11);
  if (name.size() < 3 || name[0] < '0' || name[0] > '4' || name[1] != '.') return;
  const std::size_t at = (buy ? 64u : 124u) + static_cast<std::size_t>(name[0] - '0') * 12;
  name.remove_prefix(2);
  if (name == "quantity") return read_raw(wire, form::number, at, out);
  if (name == "price") return read_raw(wire, form::price, at + 4, out);
  if (name == "orders") set_integer(out, load_u16(&wire[at + 8]));
}

/// change, of a packet that has a close.
void read_change(bytes_view wire, bool index, sluice_scalar& out) {
  const std::size_t close = index ? 20 : 40;
  if (close + 4 > wire.size()) return;
  set_number(out,
             static_cast<double>(change_of(load_price(&wire[4]), load_price(&wire[close]))) / 1e5);
}

sluice_status read_tick_field(const sluice_record* record, sluice_str wanted, sluice_scalar* out) {
  *out = {};
  const bytes_view wire{record->data, record->size};
  const auto kind = kind_of(wire.size());
  if (!kind) return SLUICE_FAILED;
  const std::string_view name{wanted.data, wanted.size};
  const bool index = *kind == packet_kind::index_quote || *kind == packet_kind::index_full;

  for (const tick_field& field : tick_fields) {
    if (field.name != name) continue;
    const std::size_t at = index ? field.index_at : field.tradable_at;
    if (at != 0 && at + 4 <= wire.size()) read_raw(wire, field.as, at, *out);
    return SLUICE_OK;
  }
  if (name == "instrument_token")
    set_integer(*out, peek_token(wire));
  else if (name == "mode")
    set_string(*out, name_of(mode_of(*kind)));
  else if (name == "tradable") {
    out->kind = SLUICE_IS_BOOLEAN;
    out->integer = tradable(peek_token(wire));
  } else if (name == "change")
    read_change(wire, index, *out);
  else
    read_depth(wire, name, *out);
  return SLUICE_OK;
}

// --- orders -----------------------------------------------------------------------------------

std::uint64_t write_order(const sluice_record* record, char* out, std::uint64_t capacity) {
  const std::string_view members = members_of(
      {reinterpret_cast<const char*>(record->data), static_cast<std::size_t>(record->size)});
  if (!members.empty() && members.size() <= capacity)
    std::memcpy(out, members.data(), members.size());
  return members.size();
}

sluice_status read_order_field(const sluice_record* record, sluice_str wanted, sluice_scalar* out) {
  *out = {};
  const std::string_view object{reinterpret_cast<const char*>(record->data),
                                static_cast<std::size_t>(record->size)};
  if (members_of(object).empty()) return SLUICE_FAILED;
  const json_token found = find_member(object, {wanted.data, wanted.size});
  switch (found.kind) {
    case json_kind::string: set_string(*out, found.text); break;
    case json_kind::boolean:
      out->kind = SLUICE_IS_BOOLEAN;
      out->integer = found.text == "true";
      break;
    case json_kind::integer: set_integer(*out, found.integer); break;
    case json_kind::number: set_number(*out, found.number); break;
    default: break;
  }
  return SLUICE_OK;
}

}  // namespace

std::size_t write_tick(bytes_view wire, char* out, std::size_t capacity) {
  const auto kind = kind_of(wire.size());
  if (!kind) return 0;
  if (capacity >= tick_json_max) return write_whole(wire, *kind, out);
  char whole[tick_json_max];
  const std::size_t size = write_whole(wire, *kind, whole);
  if (size <= capacity) std::memcpy(out, whole, size);
  return size;
}

constinit const sluice_codec tick_codec{sizeof(sluice_codec),
                                        tick_json_max,
                                        {tick_schema.data(), tick_schema.size()},
                                        &write_tick_record,
                                        &read_tick_field};

constinit const sluice_codec order_codec{sizeof(sluice_codec),
                                         1'024,
                                         {order_schema.data(), order_schema.size()},
                                         &write_order,
                                         &read_order_field};

}  // namespace sluice::kite
