// The words for what a breaker may be told.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::control {

inline constexpr std::string_view guard_states = "open, automatic, close, disable and metrics";

/// SLUICE_GUARD_AUTOMATIC ... of a word; nothing if it is none.
std::optional<std::uint32_t> guard_state(std::string_view word);

}  // namespace sluice::control
