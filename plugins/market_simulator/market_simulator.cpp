#include "market_simulator.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::market_simulator {
namespace {

/// Records of one wake-up: the lane has other work too, and drain must not wait long.
constexpr std::uint64_t step_max = 16 * SLUICE_BATCH_MAX;
constexpr std::uint32_t made_up_default = 100;
constexpr std::uint16_t no_schema = 0xffff;
constexpr std::int64_t ns_per_second = 1'000'000'000;

double seconds(duration of) { return static_cast<double>(of.count()) / 1e9; }

}  // namespace

market_simulator::market_simulator(const config& given, host to)
    : settings_{given},
      host_{to},
      tick_schema_{to.schema(kite::tick_schema)},
      order_schema_{to.schema(kite::order_schema)},
      schedule_{given.rate, given.burst, seconds(given.burst_duration)} {
  load_instruments();
  if (settings_.replay) {
    replay_.emplace(*settings_.replay, settings_.speed);
    if (!replay_->front())
      throw std::runtime_error{"the session " + *settings_.replay + " holds no records"};
  } else {
    market_.emplace(instruments_, settings_.mode, settings_.skew, settings_.seed);
  }
}

void market_simulator::load_instruments() {
  if (!settings_.instruments) {
    if (!settings_.replay)
      instruments_ = make_instruments(settings_.count != 0 ? settings_.count : made_up_default);
    return;
  }
  kite::instruments_file file = kite::load_instruments(*settings_.instruments);
  if (!file.errors.empty())
    host_.warn(*settings_.instruments + ": " + std::to_string(file.errors.size()) +
               " bad lines, the first is line " + std::to_string(file.errors[0].line) + ": " +
               file.errors[0].what);
  if (file.rows.empty())
    throw std::runtime_error{"the instruments file " + *settings_.instruments +
                             " holds no instruments"};
  const std::size_t most = settings_.count != 0 ? settings_.count : kite::instruments_per_key;
  if (file.rows.size() > most) {
    host_.info("the first " + std::to_string(most) + " of " + std::to_string(file.rows.size()) +
               " instruments tick");
    file.rows.resize(most);
  }
  instruments_ = std::move(file.rows);
}

void market_simulator::start() {
  if (!instruments_.empty()) kite::publish_attributes(host_.raw(), instruments_);
  opening_ = next_ = host_.now();
  host_.wake_at(opening_);
}

void market_simulator::on_timer(time_point now) {
  if (ended_) return;
  if (replay_)
    play(now);
  else
    make(now);
  if (ended_ || !limit_reached()) return;
  ended_ = true;
  host_.wake_at(never);
  host_.event("limit", "the limit of " + std::to_string(settings_.limit) + " ticks is reached");
}

bool market_simulator::drain(time_point) {
  ended_ = true;
  host_.wake_at(never);
  return true;
}

/// What was due until now stays due.
void market_simulator::reconfigure(const config& given) {
  const time_point now = host_.now();
  const duration elapsed = now - opening_;
  due_before_ += schedule_.due(seconds(elapsed));
  schedule_ = schedule_.from(seconds(elapsed), given.rate);
  if (replay_) replay_->change_speed(elapsed.count(), given.speed);
  opening_ = next_ = now;
  settings_ = given;
  if (!ended_) host_.wake_at(now);
}

std::uint64_t market_simulator::allowed(std::uint64_t wanted) const {
  return settings_.limit == 0 ? wanted : std::min(wanted, settings_.limit - pushed_);
}

void market_simulator::push(std::size_t count, time_point now) {
  for (std::size_t i = 0; i < count; ++i) records_[i].received_ns = now.time_since_epoch().count();
  host_.push({records_.data(), count});
  pushed_ += count;
}

void market_simulator::make(time_point now) {
  const std::uint64_t cached = settings_.snapshot ? market_->size() : 0;
  const std::uint64_t due = cached + due_before_ + schedule_.due(seconds(now - opening_));
  const std::uint64_t behind = due - std::min(due, made_);
  std::uint64_t left = allowed(std::min(behind, step_max));
  const auto unix_seconds = static_cast<std::uint32_t>(host_.unix_time().count() / ns_per_second);

  while (left != 0) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, SLUICE_BATCH_MAX));
    for (std::size_t i = 0; i < count; ++i) {
      const bool snapshot = snapshots_ < cached;
      const auto which = snapshot ? static_cast<std::uint32_t>(snapshots_++) : market_->pick();
      record& made = records_[i] = record{};
      made.data = payloads_[i].data();
      made.size =
          static_cast<std::uint32_t>(snapshot ? market_->snapshot(which, payloads_[i])
                                              : market_->tick(which, unix_seconds, payloads_[i]));
      made.key = market_->packet(which).token;
      made.schema = tick_schema_;
      made.priority = SLUICE_PRIORITY_NORMAL;
      made.flags = snapshot ? SLUICE_RECORD_SNAPSHOT : 0;
      made.exchange_ns =
          std::int64_t{kite::peek_exchange_time({made.data, made.size})} * ns_per_second;
      made.weight = 1;
    }
    push(count, now);
    made_ += count;
    left -= count;
  }
  if (behind > step_max) return host_.wake_at(now);
  next_ += settings_.interval * ((now - next_) / settings_.interval + 1);
  host_.wake_at(next_);
}

void market_simulator::play(time_point now) {
  std::size_t count = 0;
  const auto flush = [&] {
    if (count != 0) push(std::exchange(count, 0), now);
  };
  std::uint64_t left = allowed(step_max);
  for (; left != 0 && replay_->front(); --left, replay_->pop()) {
    const time_point due = opening_ + duration{replay_->due_ns()};
    if (due > now) {
      flush();
      return host_.wake_at(due);
    }
    const record& recorded = replay_->front()->record;
    const std::uint16_t schema = schema_of(replay_->schema_name());
    if (schema == no_schema) {
      host_.discard(reason::malformed, 1);
      continue;
    }
    record& played = records_[count] = recorded;
    played.schema = schema;
    // A payload is the reader's until its next entry: small ones are kept for one push together.
    const bool small = recorded.size <= kite::packet_size_max;
    if (small) {
      std::copy_n(recorded.data, recorded.size, payloads_[count].data());
      played.data = payloads_[count].data();
    }
    ++count;
    if (!small || count == SLUICE_BATCH_MAX) flush();
  }
  flush();
  if (!replay_->front()) return end_replay();
  host_.wake_at(now);
}

std::uint16_t market_simulator::schema_of(const std::string& name) {
  if (name == kite::tick_schema) return tick_schema_;
  if (name == kite::order_schema) return order_schema_;
  if (!std::exchange(unknown_schema_told_, true))
    host_.warn("the session has records of the schema " + name +
               ", which cannot be replayed; they are dropped as malformed");
  return no_schema;
}

void market_simulator::end_replay() {
  ended_ = true;
  host_.wake_at(never);
  const std::string played = std::to_string(pushed_) + " records were replayed";
  const std::string place = " at byte " + std::to_string(replay_->offset()) + " of the session";
  switch (replay_->end()) {
    case kite::session_end::torn:
      host_.warn("the last record is cut" + place + ": the recorder did not end by itself");
      break;
    case kite::session_end::damaged:
      host_.error("the session is damaged" + place + "; what comes behind it was not replayed");
      break;
    default: break;
  }
  host_.event("replay_end", played);
}

}  // namespace sluice::market_simulator

SLUICE_PLUGIN(sluice::market_simulator::market_simulator);
