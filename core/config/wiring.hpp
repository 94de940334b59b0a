// Stages to a graph: who takes whose records, and every way in which that makes no sense.
#pragma once

#include "config/stages.hpp"

#include <vector>

namespace sluice::config {

/// The stages with their edges and queues. Errors and warnings go to `out`; with errors the result
/// is of no use.
std::vector<stage_spec> wire(const std::vector<stage_draft>& drafts, report& out);

}  // namespace sluice::config
