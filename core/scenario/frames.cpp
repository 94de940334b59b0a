#include "scenario/frames.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sluice::scenario {

namespace {

bool silences(const fault_spec& fault, const feed_spec& feed) {
  return fault.kind == fault_kind::silence && fault.stage == feed.stage;
}

}  // namespace

curve load_curve(const feed_spec& feed, const std::vector<fault_spec>& faults, duration lasts,
                 std::uint64_t seed) {
  std::vector<curve::point> points;
  for (const load_point& each : feed.load)
    points.push_back({each.at.count(), each.rate, each.ramp});
  curve load{points};
  if (feed.noise > 0) {
    generator random{seed};
    for (duration at{}; at < lasts; at += feed.noise_every)
      load.scale(at.count(), (at + feed.noise_every).count(),
                 1 + feed.noise * (2 * random.uniform() - 1));
  }
  for (const fault_spec& each : faults)
    if (silences(each, feed)) load.scale(each.at.count(), (each.at + each.lasts).count(), 0);
  return load;
}

frame_plan::frame_plan(const feed_spec& feed, const std::vector<fault_spec>& faults, duration lasts,
                       std::uint64_t seed)
    : feed_{feed},
      faults_{faults},
      lasts_ns_{lasts.count()},
      load_{load_curve(feed, faults, lasts, seed + 1)},
      random_{seed} {
  for (const burst& each : feed.bursts) bursts_.push_back({each, each.at.count(), 0});
  advance_steady();
  choose();
}

void frame_plan::take() {
  if (next_.burst)
    advance(*earliest());
  else
    advance_steady();
  choose();
}

void frame_plan::advance_steady() {
  const double frames = feed_.even ? 1 : random_.exponential();
  steady_ns_ = load_.reach(steady_ns_, frames * feed_.frame);
}

frame_plan::series* frame_plan::earliest() {
  const auto found =
      std::min_element(bursts_.begin(), bursts_.end(),
                       [](const series& a, const series& b) { return a.due_ns < b.due_ns; });
  return found == bursts_.end() || found->due_ns == SLUICE_NEVER ? nullptr : &*found;
}

void frame_plan::advance(series& of) const {
  if (++of.sent < of.of.sockets) return;
  of.sent = 0;
  of.due_ns += of.of.every.count();
  if (of.due_ns >= (of.of.at + of.of.lasts).count()) of.due_ns = SLUICE_NEVER;
}

bool frame_plan::silent(std::int64_t at_ns) const {
  return std::any_of(faults_.begin(), faults_.end(), [&](const fault_spec& each) {
    return silences(each, feed_) && at_ns >= each.at.count() &&
           at_ns < (each.at + each.lasts).count();
  });
}

/// Frames come over one wire: those due at the same time follow each other.
void frame_plan::choose() {
  series* due = earliest();
  for (; due != nullptr && silent(due->due_ns); due = earliest()) advance(*due);
  const bool burst = due != nullptr && due->due_ns <= steady_ns_;
  next_ = {burst ? due->due_ns : steady_ns_, burst ? due->of.ticks : feed_.frame, burst};
  if (next_.at_ns >= lasts_ns_) {
    next_.at_ns = SLUICE_NEVER;
    return;
  }
  const double takes_ns = second * next_.ticks / feed_.link;
  next_.at_ns = std::max(next_.at_ns, arrived_ns_ + static_cast<std::int64_t>(takes_ns));
  arrived_ns_ = next_.at_ns;
}

instrument_draw::instrument_draw(std::uint32_t instruments, double zipf, std::uint64_t seed)
    : random_{seed}, below_(instruments), first_(instruments + 1), of_rank_(instruments) {
  double sum = 0;
  for (std::uint32_t rank = 0; rank < instruments; ++rank)
    below_[rank] = sum += std::pow(rank + 1.0, -zipf);
  for (double& each : below_) each /= sum;
  for (std::uint32_t cut = 0, rank = 0; cut <= instruments; ++cut) {
    while (rank + 1 < instruments && cut_of(below_[rank]) < cut) ++rank;
    first_[cut] = rank;
  }
  std::iota(of_rank_.begin(), of_rank_.end(), 0u);
  shift();
}

std::size_t instrument_draw::cut_of(double share) const {
  return static_cast<std::size_t>(share * static_cast<double>(below_.size()));
}

/// The cutpoint method (Chen and Asau, 1974): each tick of a scenario is drawn here, and a search
/// that begins near its end takes two steps on average, however many instruments there are.
std::uint32_t instrument_draw::drawn() {
  const double share = random_.uniform();
  std::uint32_t rank = first_[cut_of(share)];
  while (rank + 1 < below_.size() && below_[rank] <= share) ++rank;
  return of_rank_[rank];
}

std::uint32_t instrument_draw::in_turn() {
  turn_ = turn_ + 1 < of_rank_.size() ? turn_ + 1 : 0;
  return turn_;
}

void instrument_draw::shift() {
  for (std::size_t i = of_rank_.size(); i > 1; --i)
    std::swap(of_rank_[i - 1], of_rank_[random_.below(i)]);
}

}  // namespace sluice::scenario
