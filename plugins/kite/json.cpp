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

class tick_writer {
 public:
  tick_writer(const std::uint8_t* wire, char* out)
      : wire_{wire}, decimals_{decimals_of(load_u32(wire))}, out_{out} {}

  std::size_t write(packet_kind kind) {
    if (tradable(load_u32(wire_)))
      out_.text("\"tradable\":true,\"mode\":\"");
    else
      out_.text("\"tradable\":false,\"mode\":\"");
    switch (kind) {
      case packet_kind::ltp: begin("ltp"); break;
      case packet_kind::index_quote:
        begin("quote");
        index();
        break;
      case packet_kind::index_full:
        begin("full");
        index();
        time(",\"exchange_timestamp\":", 28);
        break;
      case packet_kind::quote:
        begin("quote");
        quote();
        break;
      case packet_kind::full:
        begin("full");
        quote();
        rest_of_full();
        break;
    }
    return out_.size();
  }

 private:
  template <std::size_t Size>
  void begin(const char (&mode)[Size]) {
    out_.text(mode);
    number("\",\"instrument_token\":", 0);
    price(",\"last_price\":", 4);
  }
  template <std::size_t Size>
  void number(const char (&name)[Size], std::size_t at) {
    out_.text(name);
    out_.number(load_u32(wire_ + at));
  }
  template <std::size_t Size>
  void price(const char (&name)[Size], std::size_t at) {
    out_.text(name);
    out_.decimal(load_price(wire_ + at), decimals_);
  }
  template <std::size_t Size>
  void time(const char (&name)[Size], std::size_t at) {
    if (load_u32(wire_ + at) != 0) number(name, at);
  }
  void prices(std::size_t open, std::size_t high, std::size_t low, std::size_t close) {
    price(",\"ohlc\":{\"open\":", open);
    price(",\"high\":", high);
    price(",\"low\":", low);
    price(",\"close\":", close);
    out_.text("},\"change\":");
    out_.decimal(change_of(load_price(wire_ + 4), load_price(wire_ + close)), 5);
  }

  void index() { prices(16, 8, 12, 20); }
  void quote() {
    number(",\"last_traded_quantity\":", 8);
    price(",\"average_traded_price\":", 12);
    number(",\"volume_traded\":", 16);
    number(",\"total_buy_quantity\":", 20);
    number(",\"total_sell_quantity\":", 24);
    prices(28, 32, 36, 40);
  }
  void rest_of_full() {
    time(",\"last_trade_time\":", 44);
    time(",\"exchange_timestamp\":", 60);
    number(",\"oi\":", 48);
    number(",\"oi_day_high\":", 52);
    number(",\"oi_day_low\":", 56);
    out_.text(",\"depth\":{\"buy\":[");
    side(64);
    out_.text("],\"sell\":[");
    side(124);
    out_.text("]}");
  }
  void side(std::size_t at) {
    for (std::size_t i = 0; i < 5; ++i, at += 12) {
      if (i != 0) out_.text(",");
      number("{\"quantity\":", at);
      price(",\"price\":", at + 4);
      out_.text(",\"orders\":");
      out_.number(load_u16(wire_ + at + 8));
      out_.text("}");
    }
  }

  const std::uint8_t* wire_;
  unsigned decimals_;
  json_writer out_;
};

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
  if (members.size() <= capacity) std::memcpy(out, members.data(), members.size());
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
  if (capacity >= tick_json_max) return tick_writer{wire.data(), out}.write(*kind);
  char whole[tick_json_max];
  const std::size_t size = tick_writer{wire.data(), whole}.write(*kind);
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
