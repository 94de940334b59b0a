#include "adaptive_sampler.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::adaptive_sampler {

adaptive_sampler::adaptive_sampler(const config& given, host of)
    : config_{given},
      host_{of},
      meters_{of},
      table_{given},
      controller_{table_, steering(given)},
      phases_{given.seed},
      random_{given.seed},
      all_{random_.next()} {}

void adaptive_sampler::process(batch& records) {
  const sluice_pressure& seen = records.pressure();
  if (records.now() >= next_step_ || seen.level != level_) step(records.now(), seen);
  if (normal_.kept.whole() && low_.kept.whole()) return;

  if (fairly_)
    return sample(records, [this](record& each) {
      const sampling::share own = of(each).fair.of(each.index);
      each.weight *= own.weight();
      return phases_.of(each.index).keep(own);
    });
  const auto sample_alike = [&](auto&& keep) {
    const float normal = normal_.kept.weight(), low = low_.kept.weight();
    sample(records, [&, normal, low](record& each) {
      each.weight *= each.priority == SLUICE_PRIORITY_LOW ? low : normal;
      return keep(each, of(each).kept);
    });
  };
  using sampling::share;
  switch (config_.method) {
    case method::per_key:
      return sample_alike(
          [&](const record& each, share kept) { return phases_.of(each.index).keep(kept); });
    case method::random:
      return sample_alike([&](const record&, share kept) { return random_.next() < kept.parts(); });
    case method::systematic:
      return sample_alike([&](const record&, share kept) { return all_.keep(kept); });
  }
}

/// `keep` weighs a record and says if it stays.
template <typename Keep>
void adaptive_sampler::sample(batch& records, Keep&& keep) {
  // No branch can foresee which records go, so they are gathered first.
  std::array<std::uint32_t, SLUICE_BATCH_MAX> leaving;
  std::uint32_t leave = 0, exempt = 0, low = 0;
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    if (records[i].priority == SLUICE_PRIORITY_HIGH) {
      ++exempt;
      continue;
    }
    low += records[i].priority == SLUICE_PRIORITY_LOW ? 1 : 0;
    leaving[leave] = i;
    leave += keep(records[i]) ? 0 : 1;
  }
  for (std::uint32_t i = 0; i < leave; ++i) {
    const record& each = records[leaving[i]];
    ++sampled_[each.priority];
    records.drop(each, reason::sampled);
  }
  records_ += records.size();
  exempt_ += exempt;
  lately_low_ += low;
}

void adaptive_sampler::step(time_point now, const sluice_pressure& seen) {
  next_step_ = now + ratio_controller::slot;
  level_ = seen.level;
  if (config_.mode == mode::adaptive) controller_.step(now, seen, exempt_share());
  divide();
  records_ /= 2;
  exempt_ /= 2;
  lately_low_ /= 2;

  const bool before = std::exchange(fairly_, wants_fair());
  for (population* each : {&normal_, &low_}) {
    if (fairly_)
      each->fair.settle(now, each->ratio);
    else if (before)
      each->fair.clear();
  }
  publish();
}

/// Best effort goes first: of what is to be dropped, adaptive mode takes from priority 2 what it
/// can without keeping less of it than the level's share, and the rest from priority 1. In OVERLOAD
/// a shedder behind lets nothing of priority 2 through, and its part would be wasted.
void adaptive_sampler::divide() {
  const double all = ratio();
  double normal = all, low = all;
  if (level_ != SLUICE_HEALTHY)
    low_floor_ = level_ == SLUICE_OVERLOAD ? sampling::least_share : table_[level_];
  if (const double sampled = records_ - exempt_; config_.mode == mode::adaptive && sampled > 0) {
    const double part = lately_low_ / sampled;
    const double floor = std::min(low_floor_, all);
    low = part > 0 ? std::max(floor, (all - (1 - part)) / part) : floor;
    if (part < 1) normal = std::clamp((all - part * low) / (1 - part), all, 1.0);
  }
  normal_.keep(normal);
  low_.keep(low);
}

// --- changes while it runs ----------------------------------------------------------------------

/// With the next batch. Phases and the ratio go on.
void adaptive_sampler::reconfigure(const config& given) {
  if (given.mode != config_.mode) controller_.resume(ratio(), never);
  config_ = given;
  table_ = sampling::level_table{given};
  controller_.set(table_, steering(given));
  next_step_ = {};
}

void adaptive_sampler::save(state_writer& out) const {
  using sampling::section;
  sampling::put_section(out, section::phases, [&](state_writer& to) { phases_.save(to); });
  sampling::put_section(out, section::draws, [&](state_writer& to) {
    to.put(random_.state());
    to.put(all_.phase());
  });
  sampling::put_section(out, section::ratio, [&](state_writer& to) { to.put(ratio()); });
  sampling::put_section(out, section::control, [&](state_writer& to) {
    to.put(level_);
    to.put(next_step_);
    to.put(controller_.last());
    to.put(records_);
    to.put(exempt_);
  });
  if (fairly_)
    sampling::put_section(out, section::fair_shares,
                          [&](state_writer& to) { normal_.fair.save(to); });
  sampling::put_section(out, section::low, [&](state_writer& to) {
    to.put(normal_.kept.parts());
    to.put(low_.kept.parts());
    to.put(low_floor_);
    to.put(lately_low_);
  });
  if (fairly_)
    sampling::put_section(out, section::fair_shares_low,
                          [&](state_writer& to) { low_.fair.save(to); });
  sampling::end_sections(out);
}

void adaptive_sampler::load(state_reader& in) {
  using sampling::section;
  const time_point now = host_.now();
  bool fair_known = false, low_known = false;
  sampling::read_sections(in, [&](section which, state_reader& from) {
    switch (which) {
      case section::phases: phases_.load(from); return true;
      case section::draws:
        random_ = sampling::random_bits{from.get<std::uint64_t>()};
        all_ = sampling::accumulator{from.get<std::uint32_t>()};
        return true;
      case section::ratio:
        controller_.resume(from.get<double>(sampling::least_share, 1), never);
        return true;
      case section::control: load_control(from, now); return true;
      case section::fair_shares:
        normal_.fair.load(from, now);
        fair_known = true;
        return true;
      case section::low:
        load_low(from);
        low_known = true;
        return true;
      case section::fair_shares_low: low_.fair.load(from, now); return true;
      default: return false;
    }
  });
  if (!low_known || config_.mode == mode::fixed)
    for (population* each : {&normal_, &low_}) each->keep(ratio());
  fairly_ = fair_known && wants_fair();
  if (!fairly_)
    for (population* each : {&normal_, &low_}) each->fair.clear();
}

void adaptive_sampler::load_control(state_reader& in, time_point now) {
  level_ = in.get<std::uint32_t>(SLUICE_HEALTHY, SLUICE_OVERLOAD);
  next_step_ = sampling::read_time(in, now + ratio_controller::slot);
  controller_.resume(controller_.ratio(), sampling::read_time_or_never(in, now));
  records_ = in.get<double>(0, 1e15);
  exempt_ = in.get<double>(0, records_);
}

void adaptive_sampler::load_low(state_reader& in) {
  for (population* each : {&normal_, &low_})
    each->kept =
        sampling::share::of_parts(in.get<std::uint64_t>(std::uint64_t{1}, sampling::share::one));
  low_floor_ = in.get<double>(sampling::least_share, sampling::largest_share);
  lately_low_ = in.get<double>(0, records_);
}

void adaptive_sampler::publish() {
  const auto part = [](sampling::share of) {
    return static_cast<double>(of.parts()) / static_cast<double>(sampling::share::one);
  };
  const double fair = normal_.fair.per_second();
  meters_[meter::keep_ratio] = ratio();
  meters_[meter::keep_ratio_low] = part(low_.kept);
  meters_[meter::fair_share_per_second] = std::isfinite(fair) ? fair : 0;
  meters_[meter::sampled_normal] = static_cast<double>(sampled_[SLUICE_PRIORITY_NORMAL]);
  meters_[meter::sampled_low] = static_cast<double>(sampled_[SLUICE_PRIORITY_LOW]);
  meters_.publish();
}

}  // namespace sluice::adaptive_sampler

SLUICE_PLUGIN(sluice::adaptive_sampler::adaptive_sampler);
