// adaptive_sampler/ratio_controller.hpp - steers the keep ratio to what the sink can take.
#pragma once

#include <sampling/level_table.hpp>
#include <sluice/record.hpp>

#include <algorithm>

namespace sluice::adaptive_sampler {

/// The level's share is the floor; between it and 1 the ratio goes to headroom * capacity /
/// offered, quickly down, slowly up. A pure function of the pressures and times it is given.
class ratio_controller {
 public:
  struct settings {
    double headroom = 0.97;  ///< part of the capacity that is used, so that what waits drains
    double down_step = 0.30, up_step = 0.05;  ///< most the ratio moves in 100 ms
  };

  ratio_controller(const sampling::level_table& floors, const settings& with)
      : floors_{floors}, with_{with} {}

  /// Other floors and settings, from the next step on.
  void set(const sampling::level_table& floors, const settings& with) {
    floors_ = floors;
    with_ = with;
  }
  /// Goes on from there, as if `last` had been the time of the last step; never: there was none.
  void resume(double ratio, time_point last) {
    ratio_ = ratio;
    last_ = last;
  }

  /// The part of the records to keep, above 0, 1 at most.
  double ratio() const { return ratio_; }
  /// Of a step; never: there was none.
  time_point last() const { return last_; }

  /// Moves on from the time of the last call (a first call is worth 100 ms). `exempt`, 0 to 1: the
  /// part of the records that is not sampled at all, so that the others have to make up for it.
  void step(time_point now, const sluice_pressure& seen, double exempt) {
    const duration elapsed = last_ == never ? slot : now - last_;
    last_ = now;
    const double slots = static_cast<double>(elapsed.count()) / static_cast<double>(slot.count());
    const double goal = target(seen, exempt);
    if (goal < ratio_)
      ratio_ = std::max(goal, ratio_ - with_.down_step * slots);
    else
      ratio_ = std::min(goal, ratio_ + with_.up_step * slots);
    // Back in HEALTHY the ratio walks up; under pressure it is never below what the table says.
    if (seen.level != SLUICE_HEALTHY) ratio_ = std::max(ratio_, floors_[seen.level]);
  }

  /// The time that the steps are given for.
  static constexpr duration slot = std::chrono::milliseconds{100};

 private:
  double target(const sluice_pressure& seen, double exempt) const {
    if (seen.level == SLUICE_HEALTHY) return 1;
    const double floor = floors_[seen.level];
    if (seen.capacity_per_s <= 0) return 1;  // never saturated: it took all it was given
    if (seen.offered_per_s <= 0 || exempt >= 1) return 1;
    const double capacity = seen.capacity_per_s;
    const double beyond = std::max(0.0, static_cast<double>(seen.pending) - may_wait_s * capacity);
    const double draining = std::min(beyond / drain_s, most_draining * capacity);
    const double fits = (with_.headroom * capacity - draining) / seen.offered_per_s;
    return std::clamp((fits - exempt) / (1 - exempt), floor, 1.0);
  }

  // What waits beyond 10 ms of the capacity is worked off in a quarter of a second, with half of
  // the capacity at most: at capacity a queue that is long stays long.
  static constexpr double may_wait_s = 0.01, drain_s = 0.25, most_draining = 0.5;

  sampling::level_table floors_;
  settings with_;
  double ratio_ = 1;
  time_point last_ = never;  // of a step
};

}  // namespace sluice::adaptive_sampler
