#include "runtime/change/exchange.hpp"

#include "runtime/change/lane_job.hpp"
#include "runtime/stage.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace sluice::runtime {

void exchange(const change_host& by, const engine::place& at, candidate& with, stage_receipt& told,
              bool lose_state, std::int64_t drain_limit_ns, bool& touched) {
  stage& of = *at.made;
  lane& in = *at.in;
  const bool drains = !of.is(SLUICE_TRANSFORM) && !of.is(SLUICE_GUARD);
  sink_driver* const driver = of.is(SLUICE_SINK) ? in.driver() : nullptr;
  replacement& offered = with.offer(told, lose_state);
  std::optional<std::int64_t> began;
  std::uint64_t lost_before = 0, unknown_before = 0;
  bool replaced = false;
  const auto work = [&] {
    const std::int64_t now = in.read_clock();
    if (!began) {
      began = now;
      lost_before = of.count.dropped_total() + of.count.failed;
      unknown_before = of.count.unknown;
      if (driver != nullptr) driver->hold_off(true);
    }
    if (drains) {
      touched = true;
      const std::int64_t deadline = *began + drain_limit_ns;
      if (!of.drain(deadline) && now < deadline) return false;
      told.lost += of.count.dropped_total() + of.count.failed - lost_before;
    }
    if (driver != nullptr) {
      driver->abandon_calls();
      told.unknown += of.count.unknown - unknown_before;  // its own timeouts too
      told.carried += in.queue()->depth() + driver->in_hand();
    }
    replaced = of.replace(offered);
    if (driver != nullptr) driver->hold_off(false);
    told.pause_ns = std::max(told.pause_ns, in.read_clock() - *began);
    return true;
  };
  in_lane(by, in, work, drain_limit_ns);
  if (!replaced) throw std::runtime_error{told.error};
  touched = true;
}

}  // namespace sluice::runtime
