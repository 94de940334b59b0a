#include "load_shedder.hpp"

#include <algorithm>
#include <cstdio>
#include <stdexcept>

namespace sluice::load_shedder {
namespace {

/// Between two events, and after the last batch before shedding counts as ended.
constexpr duration quiet = std::chrono::seconds{1};
/// Of the floor: records/s at least, and the share of the capacity.
constexpr double least_floor = 100, floor_share = 0.1;

/// In which a backlog is worked off. It is seen every 100 ms and up to 200 ms late: much less, and
/// the queue would swing.
constexpr duration settling_time = std::chrono::milliseconds{500};

double seconds(duration span) { return std::chrono::duration<double>(span).count(); }

const char* name_of(std::uint32_t level) {
  return level == SLUICE_OVERLOAD ? "OVERLOAD" : "CRITICAL";
}

}  // namespace

load_shedder::load_shedder(const config& given, host with)
    : config_{given}, host_{with}, meters_{with} {}

/// The one before may have shed.
void load_shedder::start() {
  meters_[meter::shedding] = shedding_ ? 1 : 0;
  meters_.publish();
  if (shedding_ || told_) host_.wake_at(ends_);
}

void load_shedder::process(batch& records) {
  const trigger cause = trigger_of(records.pressure());
  if (cause == trigger::none && !shedding_ && !told_) return;
  const bool begins = cause != trigger::none && !shedding_;
  turn(cause != trigger::none);
  if (shedding_) shed(records, cause, begins);
  tell(records.now());
  // To tell of the end even if nothing more comes; no event is due any later.
  if (shedding_) host_.wake_at(ends_ = records.now() + quiet);
}

/// Nothing came for a while, or shedding ended meanwhile and it is to be told.
void load_shedder::on_timer(time_point now) {
  turn(false);
  tell(now);
}

load_shedder::trigger load_shedder::trigger_of(const sluice_pressure& seen) const {
  if (seen.level == SLUICE_OVERLOAD) return trigger::overload;
  return seen.level == SLUICE_CRITICAL && seen.pending > config_.pending ? trigger::pending
                                                                         : trigger::none;
}

/// Records that wait beyond what may wait.
double load_shedder::excess_of(const sluice_pressure& seen) const {
  const double may_wait =
      std::min(static_cast<double>(config_.pending), seen.capacity_per_s * seconds(config_.burst));
  return std::max(0.0, static_cast<double>(seen.pending) - may_wait);
}

/// Records/s that may pass. The excess is worked off, or it would wait for ever: at capacity, a
/// queue that is long stays long.
std::int64_t load_shedder::rate_of(const sluice_pressure& seen) const {
  const double rate = seen.capacity_per_s - excess_of(seen) / seconds(settling_time);
  return static_cast<std::int64_t>(
      std::clamp(rate, 0.0, static_cast<double>(token_bucket::max_rate)));
}

void load_shedder::shed(batch& records, trigger cause, bool begins) {
  last_seen_ = records.pressure();
  unlimited_ = last_seen_.capacity_per_s == 0;
  bucket_.refill(records.now(), rate_of(last_seen_), config_.burst);
  // The excess is a burst that has passed already: another one on top would make it twice as long.
  if (begins && excess_of(last_seen_) > 0) bucket_.empty();
  floor_.begin(records.now(), static_cast<std::int64_t>(
                                  std::max(least_floor, floor_share * last_seen_.capacity_per_s)));
  const meter total = cause == trigger::overload ? meter::shed_overload : meter::shed_pending;
  for (const record& each : records) {
    if (each.priority == SLUICE_PRIORITY_HIGH) {
      bucket_.spend();  // it takes of the capacity, too
    } else if (each.priority != SLUICE_PRIORITY_NORMAL || !passes(each.index)) {
      records.drop(each, reason::shed);
      ++meters_[total];
    }
  }
  meters_.publish();
}

bool load_shedder::passes(std::uint32_t index) {
  if (unlimited_) return true;
  if (bucket_.take()) {
    floor_.note(index);
    return true;
  }
  if (!floor_.grant(index)) return false;
  bucket_.spend();
  ++meters_[meter::floor_passed];
  return true;
}

void load_shedder::turn(bool shedding) {
  if (shedding == shedding_) return;
  if (shedding && !told_) shed_before_ = shed_in_all();
  shedding_ = shedding;
  meters_[meter::shedding] = shedding ? 1 : 0;
  meters_.publish();
}

void load_shedder::tell(time_point now) {
  if (shedding_ == told_ || now - told_at_ < quiet) return;
  std::array<char, 160> text{};
  if (shedding_) {
    std::array<char, 32> capacity{"unknown"};
    if (last_seen_.capacity_per_s > 0)
      std::snprintf(capacity.data(), capacity.size(), "%.0f/s", last_seen_.capacity_per_s);
    std::snprintf(text.data(), text.size(), "began: %s, pending %llu, offered %.0f/s, capacity %s",
                  name_of(last_seen_.level), static_cast<unsigned long long>(last_seen_.pending),
                  last_seen_.offered_per_s, capacity.data());
    host_.alert("shedding", text.data());
  } else {
    std::snprintf(text.data(), text.size(), "ended: %.0f records were shed",
                  shed_in_all() - shed_before_);
    host_.event("shedding_end", text.data());
  }
  told_ = shedding_;
  told_at_ = now;
}

// --- hand-over ----------------------------------------------------------------------------------

void load_shedder::save(state_writer& out) const {
  bucket_.save(out);
  floor_.save(out);
  out.put(shedding_);
  out.put(told_);
  out.put(told_at_);
  out.put(ends_);
  out.put(shed_in_all() - shed_before_);
}

/// Its counters begin anew, for the host adds up those of both; what the end is to tell does not.
void load_shedder::load(state_reader& in) {
  const time_point now = host_.now();
  bucket_.load(in, now);
  floor_.load(in);
  shedding_ = in.get<bool>();
  told_ = in.get<bool>();
  const time_point long_ago = now - std::chrono::hours{10 * 365 * 24};
  told_at_ = in.get<time_point>(long_ago, now);
  ends_ = in.get<time_point>(long_ago, now + quiet);
  shed_before_ = -in.get<double>(0, 1e18);
  if (!in.at_end()) throw std::runtime_error{"the state goes on behind its end"};
}

}  // namespace sluice::load_shedder

SLUICE_PLUGIN(sluice::load_shedder::load_shedder);
