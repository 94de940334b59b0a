// Warnings: what works, but will hurt.
#pragma once

#include "config/stages.hpp"

namespace sluice::config {

/// `drafts` and `spec.stages` are the same stages in the same order; without errors.
void advise(const std::vector<stage_draft>& drafts, const pipeline_spec& spec, report& out);

}  // namespace sluice::config
