// Warnings: what works, but will hurt.
#pragma once

#include "config/stages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::config {

/// `drafts` and `spec.stages` are the same stages in the same order; without errors.
void advise(const std::vector<stage_draft>& drafts, const pipeline_spec& spec, report& out);

/// Variables of the requirement that are set and change nothing: no stage is of the plugin they
/// are for, and nothing in the file refers to them. Once everything was read.
void advise_of_variables(const std::vector<stage_draft>& drafts, reading& state);

/// If all queues together may take more than a quarter of `memory` bytes: a warning that says so.
std::optional<std::string> too_much_memory(const pipeline_spec& spec, std::uint64_t memory);

}  // namespace sluice::config
