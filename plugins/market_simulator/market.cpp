#include "market.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace sluice::market_simulator {
namespace {

struct made_up {
  kite::segment segment;
  const char *suffix, *exchange, *name, *type;
};
// One in twenty each; the first ones are equities, so that the smallest market trades.
constexpr made_up equity{kite::segment::nse, "", "NSE", "NSE", "equity"};
constexpr made_up call{kite::segment::nfo, "CE", "NFO", "NFO-OPT", "options"};
constexpr made_up put{kite::segment::nfo, "PE", "NFO", "NFO-OPT", "options"};
constexpr made_up future{kite::segment::nfo, "FUT", "NFO", "NFO-FUT", "futures"};
constexpr made_up index{kite::segment::indices, "IDX", "NSE", "INDICES", "underlying"};
constexpr std::array kinds{equity,
                           equity,
                           index,
                           call,
                           put,
                           equity,
                           equity,
                           call,
                           put,
                           future,
                           equity,
                           equity,
                           call,
                           put,
                           future,
                           equity,
                           equity,
                           made_up{kite::segment::cds, "FUT", "CDS", "CDS-FUT", "futures"},
                           made_up{kite::segment::bcd, "FUT", "BCD", "BCD-FUT", "futures"},
                           made_up{kite::segment::mcx, "FUT", "MCX", "MCX-FUT", "futures"}};

constexpr std::int32_t price_max = 1'000'000'000;

std::uint32_t add(std::uint32_t to, std::uint32_t what) {
  return to > std::numeric_limits<std::uint32_t>::max() - what ? to : to + what;
}

/// A price per cent of another, at least one step.
std::int32_t part(std::int32_t of, int per_cent, std::int32_t step) {
  const std::int64_t exact = std::int64_t{of} * per_cent / 100;
  return static_cast<std::int32_t>(std::max<std::int64_t>(exact / step * step, step));
}

}  // namespace

std::vector<kite::instrument> make_instruments(std::size_t count) {
  std::vector<kite::instrument> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    const made_up& kind = kinds[i % kinds.size()];
    kite::instrument& row = made[i];
    row.token =
        static_cast<std::uint32_t>((1'000 + i) << 8) | static_cast<std::uint32_t>(kind.segment);
    row.symbol = "SIM" + std::to_string(i + 1) + kind.suffix;
    row.exchange = kind.exchange;
    row.segment = kind.name;
    row.type = kind.type;
  }
  return made;
}

market::market(std::span<const kite::instrument> instruments, tick_mode mode, double skew,
               std::uint64_t seed)
    : random_{seed} {
  draw_ = weighted_draw{zipf_weights(instruments.size(), skew, random_)};
  books_.reserve(instruments.size());
  for (const kite::instrument& each : instruments) books_.push_back(open(each, mode));
}

market::book market::open(const kite::instrument& of, tick_mode mode) {
  book made;
  kite::packet& now = made.now;
  now.token = of.token;
  const auto chosen = mode == tick_mode::mixed ? static_cast<kite::mode>(random_.below(3))
                                               : static_cast<kite::mode>(mode);
  now.kind = kite::kind_for(of.token, chosen);

  const double divisor = kite::divisor_of(of.token);
  const bool currency = divisor > 100;
  made.derivative = of.type == "futures" || of.type == "options";
  const double random_price = currency               ? 70 + 40 * random_.unit()
                              : of.type == "options" ? std::exp(1 + 5 * random_.unit())
                                                     : std::exp(4 + 5 * random_.unit());
  const double price = of.last_price > 0 ? of.last_price : random_price;
  const double step = of.tick_size > 0 ? of.tick_size : currency ? 0.0025 : 0.05;
  made.price_step =
      static_cast<std::int32_t>(std::clamp(std::round(step * divisor), 1.0, price_max / 1e3));
  const auto raw = static_cast<std::int32_t>(
      std::clamp(price * divisor, static_cast<double>(made.price_step), double{price_max}));
  now.close = std::max(raw / made.price_step, 1) * made.price_step;
  made.lowest = part(now.close, 90, made.price_step);
  made.highest = std::max(part(now.close, 110, made.price_step), made.lowest);
  now.last_price = part(now.close, 98 + static_cast<int>(random_.below(5)), made.price_step);
  now.last_price = std::clamp(now.last_price, made.lowest, made.highest);
  now.open = now.high = now.low = now.average_price = now.last_price;
  if (now.kind != kite::packet_kind::quote && now.kind != kite::packet_kind::full) return made;
  if (made.derivative) now.oi = now.oi_day_high = now.oi_day_low = 1'000 + random_.below(1'000'000);
  now.volume = random_.below(10'000);
  now.last_quantity = 1;
  quote(made);
  return made;
}

void market::move(book& of, std::uint64_t chance) {
  constexpr std::array steps{-3, -2, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3};
  kite::packet& now = of.now;
  const int by = steps[chance & 15];
  now.last_price = std::clamp(now.last_price + by * of.price_step, of.lowest, of.highest);
  now.high = std::max(now.high, now.last_price);
  now.low = std::min(now.low, now.last_price);
}

void market::trade(book& of, std::uint32_t unix_seconds) {
  kite::packet& now = of.now;
  const std::uint64_t chance = random_.next();
  move(of, chance);
  now.last_quantity = 1 + static_cast<std::uint32_t>((chance >> 8 & 0xff) >> (chance >> 16 & 7));
  now.volume = add(now.volume, now.last_quantity);
  now.average_price += (now.last_price - now.average_price) / 16;
  now.last_trade_time = unix_seconds;
  if (!of.derivative) return;
  const auto change = static_cast<std::uint32_t>(chance >> 24 & 63);
  now.oi = (chance >> 30 & 1) != 0 ? add(now.oi, change) : now.oi - std::min(now.oi, change);
  now.oi_day_high = std::max(now.oi_day_high, now.oi);
  now.oi_day_low = std::min(now.oi_day_low, now.oi);
}

void market::quote(book& of) {
  kite::packet& now = of.now;
  now.buy_quantity = now.sell_quantity = 0;
  for (std::size_t i = 0; i < now.buy.size(); ++i) {
    const std::uint64_t chance = random_.next();
    const auto away = static_cast<std::int32_t>(i + 1) * of.price_step;
    const auto quantity = [chance](int at) {
      return 1 + static_cast<std::uint32_t>(chance >> at & 0xfff);
    };
    const auto orders = [chance](int at) {
      return static_cast<std::uint16_t>(1 + (chance >> at & 31));
    };
    now.buy[i] = {};
    if (now.last_price > away) now.buy[i] = {quantity(0), now.last_price - away, orders(12)};
    now.sell[i] = {quantity(20), now.last_price + away, orders(32)};
    now.buy_quantity += now.buy[i].quantity;
    now.sell_quantity += now.sell[i].quantity;
  }
  // What stands deeper in the book than five levels.
  now.buy_quantity += random_.below(100'000);
  now.sell_quantity += random_.below(100'000);
}

std::size_t market::tick(std::uint32_t which, std::uint32_t unix_seconds,
                         std::span<std::uint8_t> out) {
  book& of = books_[which];
  of.now.exchange_time = unix_seconds;
  switch (of.now.kind) {
    case kite::packet_kind::ltp:
    case kite::packet_kind::index_quote:
    case kite::packet_kind::index_full: move(of, random_.next()); break;
    case kite::packet_kind::quote:
    case kite::packet_kind::full:
      // Seven of ten ticks are trades, the others changes of the book.
      if (random_.below(10) < 7) trade(of, unix_seconds);
      quote(of);
      break;
  }
  return kite::encode(of.now, out);
}

}  // namespace sluice::market_simulator
