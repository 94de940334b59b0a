#include "scenario/models.hpp"

#include <sluice/ext/attributes.h>

#include <algorithm>
#include <string>

namespace sluice::scenario {

namespace {

std::size_t number_of(const world& in, std::string_view stage) {
  const auto& feeds = in.from.feeds;
  return static_cast<std::size_t>(
      std::find_if(feeds.begin(), feeds.end(),
                   [&](const feed_spec& each) { return each.stage == stage; }) -
      feeds.begin());
}

std::uint32_t instruments_before(const world& in, std::string_view stage) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < number_of(in, stage); ++i) sum += instruments_of(in.from.feeds[i]);
  return sum;
}

std::uint64_t seed_of(const world& in, std::string_view stage) {
  return in.seed * 1000 + number_of(in, stage) * 10;
}

}  // namespace

model_feed::model_feed(const config&, host given)
    : host_{given},
      world_{within::current()},
      feed_{world_.from.feeds[number_of(world_, given.stage())]},
      plan_{feed_, world_.from.faults, world_.from.lasts, seed_of(world_, given.stage())},
      draw_{instruments_of(feed_), feed_.zipf, seed_of(world_, given.stage()) + 5},
      first_{instruments_before(world_, given.stage())},
      payload_(feed_.payload, std::uint8_t{'t'}) {
  for (const group& each : feed_.groups)
    priorities_.insert(priorities_.end(), each.instruments,
                       static_cast<std::uint8_t>(each.priority));
  schema_ = host_.schema(world_.schemas.find(given.stage())->second);
}

void model_feed::start() {
  publish_attributes();
  world_.seen.begin(host_.now().time_since_epoch().count());
  on_timer(host_.now());
}

void model_feed::publish_attributes() {
  static constexpr std::array<sluice_str, 4> names{borrow("symbol"), borrow("type"),
                                                   borrow("exchange"), borrow("segment")};
  std::vector<std::string> symbols;
  for (std::uint32_t i = 0; i < priorities_.size(); ++i)
    symbols.push_back("S" + std::to_string(tally::key_of(first_ + i)));
  std::vector<std::array<sluice_str, 4>> values;
  for (const group& each : feed_.groups)
    for (std::uint32_t i = 0; i < each.instruments; ++i)
      values.push_back({borrow(symbols[values.size()]), borrow(each.type), borrow(each.exchange),
                        borrow(each.segment)});
  std::vector<sluice_key_row> rows;
  for (std::uint32_t i = 0; i < values.size(); ++i)
    rows.push_back({tally::key_of(first_ + i), values[i].data()});
  const auto* table = host_.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES);
  table->publish(host_.raw(), names.data(), names.size(), rows.data(), rows.size());
}

void model_feed::on_timer(time_point now) {
  const std::int64_t passed = world_.seen.since_begin(now.time_since_epoch().count());
  for (; shifts_ < feed_.shift_at.size() && feed_.shift_at[shifts_].count() <= passed; ++shifts_)
    draw_.shift();
  for (; plan_.next().at_ns <= passed; plan_.take()) push(plan_.next(), now);
  const std::int64_t next = plan_.next().at_ns;
  if (next != SLUICE_NEVER) host_.wake_at(now + duration{next - passed});
}

void model_feed::push(const frame& of, time_point now) {
  records_.resize(of.ticks);
  numbers_.resize(of.ticks);
  const std::int64_t unix_ns = host_.unix_time().count();
  for (std::uint32_t i = 0; i < of.ticks; ++i) {
    const std::uint32_t which = of.burst ? draw_.in_turn() : draw_.drawn();
    numbers_[i] = first_ + which;
    record& made = records_[i];
    made = {};
    made.key = tally::key_of(numbers_[i]);
    made.schema = schema_;
    made.priority = priorities_[which];
    made.received_ns = now.time_since_epoch().count();
    made.exchange_ns = unix_ns;
    made.data = payload_.data();
    made.size = static_cast<std::uint32_t>(payload_.size());
    made.weight = 1;
  }
  world_.seen.received(numbers_, now.time_since_epoch().count());
  host_.push(records_);
}

}  // namespace sluice::scenario
