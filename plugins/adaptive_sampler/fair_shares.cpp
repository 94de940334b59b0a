#include "fair_shares.hpp"

#include <sampling/state.hpp>

#include <limits>
#include <stdexcept>

namespace sluice::adaptive_sampler {

namespace {
constexpr duration slot = std::chrono::milliseconds{100}, window = std::chrono::seconds{1};
// Far beyond what there is, and small enough for 64 bits; a state may say anything.
constexpr double most_per_s = 1e10;
constexpr std::int64_t most_owed = std::int64_t{1} << 60;
}  // namespace

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
  if (!sorted_) sort_rates();
  if (began_ == never) began_ = now;
  const duration elapsed = now - began_;
  const bool doubled = elapsed >= slot && static_cast<double>(seen_) > 2 * total_per_s_;
  if (elapsed >= window || doubled) take_rates(now);
  fair_ = total_per_s_ > 0 ? static_cast<float>(water_level(ascending_, ratio * total_per_s_)) : 0;
  for (instrument& each : instruments_)
    each.own = share_of(std::max(each.per_s, static_cast<float>(each.seen)));
}

sampling::share fair_shares::share_of(float per_s) const {
  if (fair_ <= 0 || ratio_.whole()) return ratio_;
  return per_s <= fair_ ? sampling::share{} : sampling::share{fair_ / per_s};
}

void fair_shares::take_rates(time_point now) {
  const double per_s = 1e9 / static_cast<double>((now - began_).count());
  for (instrument& each : instruments_) {
    each.per_s = static_cast<float>(each.seen * per_s);
    each.seen = 0;
  }
  sort_rates();
  total_per_s_ = static_cast<double>(seen_) * per_s;
  seen_ = 0;
  set_slack();
  owed_ = std::clamp<std::int64_t>(owed_, 0, slack_);
  began_ = now;
}

void fair_shares::sort_rates() {
  sorted_ = true;
  ascending_.clear();
  for (const instrument& each : instruments_)
    if (each.per_s > 0) ascending_.push_back(each.per_s);
  std::sort(ascending_.begin(), ascending_.end());
}

void fair_shares::set_slack() {
  // Busy and quiet instruments come in clumps; over 100 ms they mix.
  slack_ = static_cast<std::int64_t>(
      std::min(total_per_s_ / 10 * static_cast<double>(sampling::share::one),
               static_cast<double>(most_owed)));
}

void fair_shares::save(state_writer& out) const {
  out.put(began_);
  out.put(ratio_.parts());
  out.put(fair_);
  out.put(total_per_s_);
  out.put(owed_);
  std::vector<std::uint64_t> own;
  std::vector<float> per_s;
  std::vector<std::uint32_t> seen;
  for (const instrument& each : instruments_) {
    own.push_back(each.own.parts());
    per_s.push_back(each.per_s);
    seen.push_back(each.seen);
  }
  out.put(own);
  out.put(per_s);
  out.put(seen);
}

void fair_shares::load(state_reader& in, time_point now) {
  began_ = sampling::read_time_or_never(in, now);
  ratio_ = sampling::share::of_parts(in.get<std::uint64_t>(1, sampling::share::one));
  fair_ = in.get<float>(0, std::numeric_limits<float>::infinity());
  total_per_s_ = in.get<double>(0, most_per_s);
  owed_ = in.get<std::int64_t>(-most_owed, most_owed);
  const auto own = in.get<std::vector<std::uint64_t>>();
  const auto per_s = in.get<std::vector<float>>();
  const auto seen = in.get<std::vector<std::uint32_t>>();
  if (per_s.size() != own.size() || seen.size() != own.size())
    throw std::runtime_error{"the state's lists are not equally long"};
  instruments_.clear();
  seen_ = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (own[i] < 1 || own[i] > sampling::share::one ||
        !(per_s[i] >= 0 && per_s[i] <= static_cast<float>(most_per_s)))
      throw std::runtime_error{"the state has a share or a rate out of its bounds"};
    instruments_.push_back({sampling::share::of_parts(own[i]), per_s[i], seen[i]});
    seen_ += seen[i];
  }
  ascending_.reserve(instruments_.capacity());
  sorted_ = false;
  set_slack();
}

void fair_shares::clear() {
  for (instrument& each : instruments_) each = {ratio_, 0, 0};
  ascending_.clear();
  sorted_ = true;
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
