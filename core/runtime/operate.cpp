// What an operator may do to a running pipeline.
#include "runtime/engine.hpp"

#include <sluice/ext/guard.h>

namespace sluice::runtime {

sluice_status engine::force_guard(std::string_view stage, std::uint32_t state) {
  if (state > SLUICE_GUARD_METRICS_ONLY) return SLUICE_INVALID;
  const std::lock_guard lock{tick_mutex_};
  sluice_status found = SLUICE_INVALID;
  for (const instance& each : instances_) {
    const bool meant =
        stage.empty() || each.made->label() == stage || spec_.stages[each.spec].name == stage;
    if (!meant || !each.made->is(SLUICE_GUARD)) continue;
    const published now = each.in->read(*each.made);
    if (now.bypassed || now.stopped) continue;  // it permits everything, whatever it is told
    each.in->force_guard(state);
    found = SLUICE_OK;
  }
  return found;
}

void engine::force_level(std::optional<std::uint32_t> to) {
  const std::lock_guard lock{tick_mutex_};
  if (to) count_change(*to, "operator");
  if (forced_level_ && !to)  // in `never` mode nobody else would
    for (instance& each : instances_) each.pressure.level = SLUICE_HEALTHY;
  forced_level_ = to;
}

std::vector<engine::tapped> engine::tap_points() const {
  const std::lock_guard lock{tick_mutex_};
  std::vector<tapped> found;
  for (const instance& each : instances_)
    if (!each.made->is(SLUICE_SERVICE))
      found.push_back(
          {each.made->tap, std::string{each.made->label()}, spec_.stages[each.spec].name});
  return found;
}

}  // namespace sluice::runtime
