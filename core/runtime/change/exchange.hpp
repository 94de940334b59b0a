// A new object takes the place of a stage's, whatever kind the stage is.
#pragma once

#include "runtime/change/candidate.hpp"
#include "runtime/change/change.hpp"
#include "runtime/engine.hpp"

#include <cstdint>

namespace sluice::runtime {

/// Not for a lane's thread. A transform or guard goes between two batches. What has an end of its
/// own drains first, for `drain_limit_ns` at most: a sink, until the outcome of what it has sent is
/// known, which its own timeout bounds; the queue before it waits. Throws std::runtime_error with
/// why `with` was not taken. `touched`: the old object is not what it was, even if this throws.
void exchange(const change_host& by, const engine::place& at, candidate& with, stage_receipt& told,
              bool lose_state, std::int64_t drain_limit_ns, bool& touched);

}  // namespace sluice::runtime
