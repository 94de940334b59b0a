#include "fair_shares.hpp"

#include <limits>

namespace sluice::adaptive_sampler {

namespace {
constexpr duration slot = std::chrono::milliseconds{100}, window = std::chrono::seconds{1};
}

double water_level(std::span<const float> ascending, double budget) {
  double met = 0;
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    const auto rest = static_cast<double>(ascending.size() - i);
    const auto demand = static_cast<double>(ascending[i]);
    if (met + demand * rest > budget) return (budget - met) / rest;
    met += demand;
  }
  return std::numeric_limits<double>::infinity();
}

void fair_shares::settle(time_point now, double ratio) {
  ratio_ = sampling::share{ratio};
  if (began_ == never) began_ = now;
  const duration elapsed = now - began_;
  const bool doubled = elapsed >= slot && static_cast<double>(seen_) > 2 * total_per_s_;
  if (elapsed >= window || doubled) take_rates(now);
  fair_ = total_per_s_ > 0 ? static_cast<float>(water_level(ascending_, ratio * total_per_s_)) : 0;
  for (instrument& each : instruments_)
    each.own = share_of(std::max(each.per_s, static_cast<float>(each.seen)));
}

sampling::share fair_shares::share_of(float per_s) const {
  if (fair_ <= 0) return ratio_;
  return per_s <= fair_ ? sampling::share{} : sampling::share{fair_ / per_s};
}

void fair_shares::take_rates(time_point now) {
  const double per_s = 1e9 / static_cast<double>((now - began_).count());
  ascending_.clear();
  for (instrument& each : instruments_) {
    each.per_s = static_cast<float>(each.seen * per_s);
    if (each.seen > 0) ascending_.push_back(each.per_s);
    each.seen = 0;
  }
  std::sort(ascending_.begin(), ascending_.end());
  total_per_s_ = static_cast<double>(seen_) * per_s;
  seen_ = 0;
  // Busy and quiet instruments come in clumps; over 100 ms they mix.
  slack_ = static_cast<std::int64_t>(total_per_s_ / 10 * static_cast<double>(sampling::share::one));
  owed_ = std::clamp<std::int64_t>(owed_, 0, slack_);
  began_ = now;
}

void fair_shares::clear() {
  for (instrument& each : instruments_) each = {ratio_, 0, 0};
  ascending_.clear();
  total_per_s_ = 0;
  fair_ = 0;
  owed_ = slack_ = 0;
  seen_ = 0;
  began_ = never;
}

void fair_shares::grow(std::uint32_t index) {
  instruments_.resize(index + 1, {share_of(0), 0, 0});
  ascending_.reserve(instruments_.capacity());
}

}  // namespace sluice::adaptive_sampler
