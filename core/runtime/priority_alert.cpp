// The alert of records of priority 0 that a queue lost: no policy drops them, so somebody should
// look.
#include "runtime/engine.hpp"

namespace sluice::runtime {

namespace {
constexpr std::int64_t quiet_ns = 1'000'000'000;
}

/// At most once a second for each stage.
void engine::tell_priority_lost(std::int64_t now) {
  for (instance& each : instances_) {
    if (!each.leads || each.in->queue() == nullptr) continue;
    const std::uint64_t lost = each.in->queue()->read(now).state.priority_lost;
    if (lost == each.lost_told || now < each.lost_quiet_until) continue;
    shared_.tell(
        SLUICE_WARN, each.made->label(), "priority_lost",
        "its queue lost " + std::to_string(lost - each.lost_told) + " records of priority 0");
    each.lost_told = lost;
    each.lost_quiet_until = now + quiet_ns;
  }
}

}  // namespace sluice::runtime
