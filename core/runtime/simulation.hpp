// The virtual-time runner: one thread steps all lanes in seeded order, and time moves only when
// nothing is left to do.
#pragma once

#include "runtime/change/changer.hpp"
#include "runtime/engine.hpp"

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

namespace sluice::runtime {

class simulation {
 public:
  /// The same spec and seed give the same run. Throws std::runtime_error like engine.
  simulation(config::pipeline_spec spec, std::uint64_t seed, logger log);

  /// Steps until no lane has anything to do now.
  void settle();
  /// Moves virtual time on, stepping lanes at each of their timers, and ticking every 100 ms.
  void advance(std::int64_t by_ns);
  /// As long as `done` is false; false when `limit_ns` was not enough.
  bool advance_until(const std::function<bool()>& done, std::int64_t limit_ns);

  /// As changer::change; virtual time goes on meanwhile.
  receipt change(const config::pipeline_spec& next, const change_options& with) {
    return changer_.change([&](const config::pipeline_spec&) { return next; }, with);
  }
  bool confirm() { return changer_.confirm(); }

  std::int64_t now() const { return clock_.now(); }
  engine& running() { return engine_; }
  snapshot read() const { return engine_.read(true); }

 private:
  change_host host();
  bool step_all();
  std::int64_t next_time(std::int64_t limit) const;

  virtual_clock clock_;
  engine engine_;
  changer changer_;
  std::mt19937_64 random_;
  std::vector<lane*> order_;
  std::int64_t next_tick_;
};

}  // namespace sluice::runtime
