// What stands behind a sink: how fast it works, when it answers, what goes wrong with it. Pure.
#pragma once

#include "scenario/curve.hpp"
#include "scenario/random.hpp"
#include "scenario/scenario.hpp"

#include <cstdint>
#include <vector>

namespace sluice::scenario {

/// Records a second that the model of a sink takes over time, faults included.
curve speed_curve(const sink_spec& sink, const std::vector<fault_spec>& faults);

/// One worker that does the calls of a connection in order. Times are nanoseconds since the run's
/// begin.
class server {
 public:
  /// `share`: of the capacity, for one of several connections.
  server(const sink_spec& sink, const std::vector<fault_spec>& faults, double share,
         std::uint64_t seed);

  struct reply {
    std::int64_t at_ns = SLUICE_NEVER;
    bool busy = false;  ///< refused all of the call
  };
  /// A call that is written now.
  reply call(std::int64_t now_ns, std::uint32_t records);
  /// When a new connection's greeting is answered; what an older one asked for is forgotten.
  std::int64_t greet(std::int64_t now_ns);

  /// Whether it takes no connection now.
  bool refuses(std::int64_t now_ns) const;
  /// When the next connection breaks, at `now_ns` or after.
  std::int64_t next_cut(std::int64_t now_ns) const;

 private:
  bool during(const fault_spec& fault, std::int64_t now_ns) const {
    return now_ns >= fault.at.count() && now_ns < (fault.at + fault.lasts).count();
  }

  const duration latency_, jitter_;
  std::vector<fault_spec> faults_;  // of this sink
  curve speed_;
  generator random_;
  std::int64_t free_ns_ = 0, answered_ns_ = 0;
};

}  // namespace sluice::scenario
