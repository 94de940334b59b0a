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

  /// The part of the records to keep, above 0, 1 at most.
  double ratio() const { return ratio_; }

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
    if (seen.capacity_per_s <= 0) return floor;  // unknown: the table is all there is
    if (seen.offered_per_s <= 0 || exempt >= 1) return 1;
    const double fits = with_.headroom * seen.capacity_per_s / seen.offered_per_s;
    return std::clamp((fits - exempt) / (1 - exempt), floor, 1.0);
  }

  sampling::level_table floors_;
  settings with_;
  double ratio_ = 1;
  time_point last_ = never;  // of a step
};

}  // namespace sluice::adaptive_sampler
