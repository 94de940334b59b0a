// What a change has done in a lane, between two batches.
#pragma once

#include "runtime/change/candidate.hpp"
#include "runtime/lane.hpp"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace sluice::runtime {

// How long a lane may take to come to a job: that long one may hang before the process ends.
inline constexpr std::int64_t lane_limit = 10'000'000'000;

/// Until `work` says that it is done, which may take it `takes_ns`. Throws std::runtime_error: the
/// lane has ended, or does not come to it.
inline void in_lane(const change_host& by, lane& where, const std::function<bool()>& work,
                    std::int64_t takes_ns = 0) {
  const std::string stage{where.stages().back()->label()};
  // It may not have begun yet.
  by.wait([&] { return where.running() || where.finished(); }, lane_limit);
  if (!where.running()) throw std::runtime_error{"the lane of " + stage + " has ended"};
  bool done = false;
  where.post([&] { return done = work(); });
  {
    // Whatever ends the wait: the job refers to what ends with this call.
    const struct withdrawn {
      lane& from;
      ~withdrawn() { from.withdraw(); }
    } at_end{where};
    by.wait([&] { return !where.posted() || where.finished(); }, lane_limit + takes_ns);
  }
  if (!done)
    throw std::runtime_error{"the lane of " + stage + " ended, or did not come to it in time"};
}

}  // namespace sluice::runtime
