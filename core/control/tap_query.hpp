// A tap's question as text, "stage=redis&key=408065&every=10": in a path, and on the control
// socket.
#pragma once

#include "runtime/tap/tap_question.hpp"

#include <string>
#include <string_view>

namespace sluice::control {

/// Throws std::invalid_argument that says what is wrong with it, and what is allowed.
runtime::tap_question parse_tap(std::string_view query);
std::string render(const runtime::tap_question& asked);

}  // namespace sluice::control
