// The commands that change what runs: swap, reload, confirm.
#pragma once

#include "config/load.hpp"
#include "control/operations.hpp"
#include "runtime/pipeline.hpp"

#include <functional>

namespace sluice::control {

/// Where a running pipeline's configuration comes from. Any thread.
struct configuration {
  config::plugin_lookup find;
  /// The variables, read anew: the .env file may have changed. Throws std::runtime_error.
  std::function<config::environment()> variables;
};

/// `on` outlives the operations.
void add_change_commands(operations& to, runtime::pipeline& on, configuration from);

}  // namespace sluice::control
