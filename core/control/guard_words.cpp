#include "control/guard_words.hpp"

#include <sluice/ext/guard.h>

#include <array>
#include <utility>

namespace sluice::control {

std::optional<std::uint32_t> guard_state(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, std::uint32_t>, 5> words{
      {{"automatic", SLUICE_GUARD_AUTOMATIC},
       {"close", SLUICE_GUARD_AUTOMATIC},
       {"open", SLUICE_GUARD_FORCED_OPEN},
       {"disable", SLUICE_GUARD_DISABLED},
       {"metrics", SLUICE_GUARD_METRICS_ONLY}}};
  for (const auto& [name, state] : words)
    if (name == word) return state;
  return std::nullopt;
}

}  // namespace sluice::control
