// The [level] table: when pressure becomes a level, and when it ends.
#pragma once

#include "config/pipeline.hpp"
#include "config/settings.hpp"

namespace sluice::config {

/// Reports thresholds that contradict each other. BACKPRESSURE_MONITORING_ENABLED=false sets the
/// mode to never.
level_spec read_level(const section& from, reading& state);

}  // namespace sluice::config
