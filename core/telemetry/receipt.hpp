// The receipt of a change for people and for programs.
#pragma once

#include "runtime/change/change.hpp"

#include <string>

namespace sluice::telemetry {

/// A line a stage, without an end; or why nothing was changed.
std::string receipt_text(const runtime::receipt& made);

/// The whole receipt as one JSON object. Times are seconds.
std::string receipt_json(const runtime::receipt& made);

}  // namespace sluice::telemetry
