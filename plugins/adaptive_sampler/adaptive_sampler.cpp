#include "adaptive_sampler.hpp"

#include <cmath>

namespace sluice::adaptive_sampler {

namespace {

struct metric {
  std::uint32_t kind;
  std::string_view name, doc;
};

constexpr std::array<metric, 4> metrics{{
    {SLUICE_GAUGE, "keep_ratio", "Part of the records of priority 1 and 2 that is kept now."},
    {SLUICE_GAUGE, "fair_share_per_second",
     "Records a second up to which an instrument is kept whole; 0 while no fair share is in "
     "force."},
    {SLUICE_COUNTER, "sampled_normal", "Records of priority 1 that were sampled out."},
    {SLUICE_COUNTER, "sampled_low", "Records of priority 2 that were sampled out."},
}};

}  // namespace

adaptive_sampler::adaptive_sampler(const config& given, host of)
    : config_{given},
      host_{of},
      metrics_{of.extension<sluice_metrics>(SLUICE_EXT_METRICS)},
      table_{table(given)},
      controller_{table_, {given.headroom, given.down_step, given.up_step}},
      phases_{given.seed},
      random_{given.seed},
      all_{random_.next()} {
  for (std::size_t i = 0; metrics_ != nullptr && i < metrics.size(); ++i)
    numbers_[i] = metrics_->add(host_.raw(), metrics[i].kind, borrow(metrics[i].name),
                                borrow(metrics[i].doc));
}

void adaptive_sampler::process(batch& records) {
  const sluice_pressure& seen = records.pressure();
  if (records.now() >= next_step_ || seen.level != level_) step(records.now(), seen);
  if (kept_.whole()) return;

  if (fairly_)
    return sample(records, [this](record& each) {
      const sampling::share own = fair_.of(each.index);
      each.weight *= own.weight();
      return phases_.of(each.index).keep(own);
    });
  const auto sample_alike = [&](auto&& keep) {
    sample(records, [&, weight = kept_.weight()](record& each) {
      each.weight *= weight;
      return keep(each);
    });
  };
  switch (config_.method) {
    case method::per_key:
      return sample_alike([&](const record& each) { return phases_.of(each.index).keep(kept_); });
    case method::random:
      return sample_alike([&](const record&) { return random_.next() < kept_.parts(); });
    case method::systematic: return sample_alike([&](const record&) { return all_.keep(kept_); });
  }
}

/// `keep` weighs a record and says if it stays.
template <typename Keep>
void adaptive_sampler::sample(batch& records, Keep&& keep) {
  // No branch can foresee which records go, so they are gathered first.
  std::array<std::uint32_t, SLUICE_BATCH_MAX> leaving;
  std::uint32_t leave = 0, exempt = 0;
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    if (records[i].priority == SLUICE_PRIORITY_HIGH) {
      ++exempt;
      continue;
    }
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
}

void adaptive_sampler::step(time_point now, const sluice_pressure& seen) {
  next_step_ = now + ratio_controller::slot;
  level_ = seen.level;
  const bool adaptive = config_.mode == mode::adaptive;
  if (adaptive) controller_.step(now, seen, exempt_share());
  kept_ = sampling::share{adaptive ? controller_.ratio() : table_[level_]};
  records_ /= 2;
  exempt_ /= 2;

  const bool before = fairly_;
  fairly_ =
      adaptive && config_.fair && config_.method == method::per_key && level_ >= SLUICE_CRITICAL;
  if (fairly_)
    fair_.settle(now, controller_.ratio());
  else if (before)
    fair_.clear();
  publish();
}

void adaptive_sampler::publish() {
  if (metrics_ == nullptr) return;
  const double ratio =
      static_cast<double>(kept_.parts()) / static_cast<double>(sampling::share::one);
  const double fair = fair_.per_second();
  const std::array<double, metrics.size()> values{
      ratio, std::isfinite(fair) ? fair : 0, static_cast<double>(sampled_[SLUICE_PRIORITY_NORMAL]),
      static_cast<double>(sampled_[SLUICE_PRIORITY_LOW])};
  for (std::size_t i = 0; i < values.size(); ++i)
    metrics_->set(host_.raw(), numbers_[i], values[i]);
}

}  // namespace sluice::adaptive_sampler

SLUICE_PLUGIN(sluice::adaptive_sampler::adaptive_sampler);
