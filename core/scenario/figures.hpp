// What a run came to, in numbers.
#pragma once

#include "scenario/run.hpp"

#include <cstddef>
#include <optional>

namespace sluice::scenario {

/// Changes of level in slots `from` to `to`.
std::size_t level_changes(const outcome& seen, std::size_t from, std::size_t to);
/// Age at which 99 % of what was published in slots `from` to `to` was published, in ms; none if
/// nothing was.
std::optional<double> age_p99_ms(const outcome& seen, std::size_t from, std::size_t to);

/// Of a whole run up to its drain. Goodput is what was published within 250 ms of its receipt.
struct figures {
  double goodput_of_capacity = 0;  ///< as a share of what the sinks could have taken
  double goodput_of_received = 0;
  std::optional<double> age_p99_ms;
  std::size_t level_changes = 0;
};
figures figures_of(const outcome& seen);

}  // namespace sluice::scenario
