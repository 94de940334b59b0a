#include "ohlc_bars.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <stdexcept>

namespace stages {
namespace {

/// Most records a host takes in one call.
constexpr std::size_t emits_max = 65'536;
/// More keys than any pipeline has.
constexpr std::uint32_t index_max = 1u << 24;

// --- the codec ----------------------------------------------------------------------------------

/// JSON has no infinite numbers.
bool is_sound(const bar& of) {
  return std::isfinite(of.open) && std::isfinite(of.high) && std::isfinite(of.low) &&
         std::isfinite(of.close);
}

/// False: the payload is no bar.
bool read_bar(const sluice_record& from, bar& into) {
  if (from.size != sizeof into) return false;
  std::memcpy(&into, from.data, sizeof into);
  return is_sound(into);
}

template <typename Number>
char* append(char* to, char* end, std::string_view name, Number value) {
  if (static_cast<std::size_t>(end - to) < name.size()) return end;
  to = std::copy(name.begin(), name.end(), to);
  return std::to_chars(to, end, value).ptr;
}

constexpr std::int64_t second = 1'000'000'000;
/// Seven names, four doubles of 24 characters at most, three integers of 20.
constexpr std::uint32_t json_max = 256;

// [codec]
std::uint64_t write_json(const sluice_record* from, char* out, std::uint64_t capacity) {
  bar of;
  if (!read_bar(*from, of)) return 0;
  char text[json_max];
  char* const end = text + sizeof text;
  char* at = append(text, end, "\"key\":", from->key);
  at = append(at, end, ",\"time\":", from->exchange_ns / second);
  at = append(at, end, ",\"open\":", of.open);
  at = append(at, end, ",\"high\":", of.high);
  at = append(at, end, ",\"low\":", of.low);
  at = append(at, end, ",\"close\":", of.close);
  at = append(at, end, ",\"ticks\":", of.ticks);
  const auto size = static_cast<std::uint64_t>(at - text);
  if (size <= capacity) std::memcpy(out, text, size);
  return size;  // more than capacity: the host calls again with that much
}
// [/codec]

sluice_status read_field(const sluice_record* from, sluice_str field, sluice_scalar* out) {
  *out = {};
  bar of;
  if (!read_bar(*from, of)) return SLUICE_FAILED;
  const std::string_view name = sluice::view(field);
  const auto number = [out](double value) {
    out->kind = SLUICE_IS_NUMBER;
    out->number = value;
  };
  const auto integer = [out](std::int64_t value) {
    out->kind = SLUICE_IS_INTEGER;
    out->integer = value;
    out->number = static_cast<double>(value);
  };
  if (name == "open") number(of.open);
  if (name == "high") number(of.high);
  if (name == "low") number(of.low);
  if (name == "close") number(of.close);
  if (name == "ticks") integer(static_cast<std::int64_t>(of.ticks));
  if (name == "key") integer(static_cast<std::int64_t>(from->key));
  if (name == "time") integer(from->exchange_ns / second);
  return SLUICE_OK;
}

}  // namespace

const sluice_codec bar_codec{sizeof(sluice_codec), json_max, sluice::borrow(bar_schema),
                             &write_json, &read_field};

// --- the stage ----------------------------------------------------------------------------------

ohlc_bars::ohlc_bars(const config& given, sluice::host host)
    : host_{host}, config_{given}, schema_{host.schema(bar_schema)} {}

void ohlc_bars::start() { begin_interval(host_.now()); }

// [process]
void ohlc_bars::process(sluice::batch& records) {
  // The wake-up may come behind this batch, which is of the next interval already.
  if (records.now() >= end_ && emit_bars(0)) begin_interval(records.now());
  for (const sluice::record& each : records) {
    if (const auto price = host_.number(each, config_.price)) {
      add(each, *price);
      records.absorb(each);
    }
  }
}

void ohlc_bars::on_timer(sluice::time_point now) {
  if (now >= end_ && emit_bars(SLUICE_AT_END)) begin_interval(now);
  host_.wake_at(std::max(end_, now));  // bars that are left go in the next call, at once
}

/// No more input: what is in open bars must not be lost. True when all of them are out.
bool ohlc_bars::drain(sluice::time_point) { return emit_bars(SLUICE_AT_END); }
// [/process]

void ohlc_bars::add(const sluice::record& tick, double price) {
  if (tick.index >= places_.size()) places_.resize(tick.index + 1);
  if (places_[tick.index] == 0) {
    open_.push_back({{}, {price, price, price, price, 0}});
    open_.back().head.exchange_ns = began_ns_;
    places_[tick.index] = static_cast<std::uint32_t>(open_.size());
  }
  open_bar& of = open_[places_[tick.index] - 1];
  of.head.key = tick.key;
  of.head.index = tick.index;
  of.head.priority = tick.priority;
  of.head.seq = tick.seq;
  of.head.received_ns = tick.received_ns;
  of.prices.high = std::max(of.prices.high, price);
  of.prices.low = std::min(of.prices.low, price);
  of.prices.close = price;
  ++of.prices.ticks;
}

// [emit]
/// True when all open bars are out: more than a host takes in one call need another. A bar is about
/// the key of its ticks, so it carries the index and the seq of the last of them.
bool ohlc_bars::emit_bars(std::uint32_t position) {
  const std::size_t count = std::min(open_.size(), emits_max);
  for (std::size_t i = 0; i < count; ++i) {
    sluice::record made = open_[i].head;
    made.schema = schema_;
    made.data = reinterpret_cast<const std::uint8_t*>(&open_[i].prices);
    made.size = sizeof(bar);
    made.weight = 1;
    host_.emit(made, position);  // the host copies it
    places_[made.index] = 0;
  }
  open_.erase(open_.begin(), open_.begin() + static_cast<std::ptrdiff_t>(count));
  for (std::size_t i = 0; i < open_.size(); ++i)
    places_[open_[i].head.index] = static_cast<std::uint32_t>(i + 1);
  return open_.empty();
}
// [/emit]

/// In step with the wall clock: bars of 1 s begin with the second, bars of 1 min with the minute.
void ohlc_bars::begin_interval(sluice::time_point now) {
  // The two clocks are read one after the other: a wake-up may look a little early.
  constexpr std::int64_t slack = 1'000'000;
  const std::int64_t interval = config_.interval.count();
  const std::int64_t unix_now = host_.unix_time().count();
  began_ns_ = (unix_now + slack) / interval * interval;
  end_ = now + sluice::duration{began_ns_ + interval - unix_now};
  host_.wake_at(end_);
}

// [state]
/// The open bars, for the stage that takes this one's place between two batches.
void ohlc_bars::save(sluice::state_writer& out) {
  out.put(static_cast<std::uint32_t>(open_.size()));
  for (const auto& [head, prices] : open_) {
    out.put(head.key);
    out.put(head.index);
    out.put(head.priority);
    out.put(head.seq);
    out.put(head.received_ns);
    out.put(head.exchange_ns);
    for (const double price : {prices.open, prices.high, prices.low, prices.close}) out.put(price);
    out.put(prices.ticks);
  }
}

/// Another version may have written it: what makes no sense is refused, and the old stage goes on.
void ohlc_bars::load(sluice::state_reader& in) {
  constexpr std::size_t bytes_of_a_bar = 8 + 4 + 1 + 8 + 8 + 8 + 4 * 8 + 8;
  for (std::uint32_t left = in.size(bytes_of_a_bar); left > 0; --left) {
    open_bar made;
    auto& [head, prices] = made;
    head.key = in.get<std::uint64_t>();
    head.index = in.get<std::uint32_t>();
    head.priority = in.get<std::uint8_t>();
    head.seq = in.get<std::uint64_t>();
    head.received_ns = in.get<std::int64_t>();
    head.exchange_ns = in.get<std::int64_t>();
    for (double* price : {&prices.open, &prices.high, &prices.low, &prices.close})
      *price = in.get<double>();
    prices.ticks = in.get<std::uint64_t>();
    if (head.index >= index_max || head.priority > SLUICE_PRIORITY_LOW || !is_sound(prices))
      throw std::runtime_error{"a bar of the state makes no sense"};
    if (head.index >= places_.size()) places_.resize(head.index + 1);
    if (places_[head.index] != 0) throw std::runtime_error{"the state has a key twice"};
    open_.push_back(made);
    places_[head.index] = static_cast<std::uint32_t>(open_.size());
  }
  if (!in.at_end()) throw std::runtime_error{"the state goes on behind its last bar"};
}
// [/state]

}  // namespace stages

SLUICE_PLUGIN(stages::ohlc_bars);
