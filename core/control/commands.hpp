// The commands that every running pipeline takes, by name.
#pragma once

#include "control/operations.hpp"
#include "runtime/pipeline.hpp"
#include "telemetry/log.hpp"

#include <string>
#include <string_view>

namespace sluice::control {

/// breaker, level and log-level. All three outlive the operations.
void add_commands(operations& to, runtime::pipeline& on, telemetry::log& log);

/// A string of a command. Throws std::runtime_error that names the key and what is allowed.
std::string text_key(const boost::json::object& told, std::string_view key,
                     std::string_view allowed);

inline constexpr std::string_view level_words =
    "automatic, HEALTHY, WARNING, CRITICAL and OVERLOAD";

}  // namespace sluice::control
