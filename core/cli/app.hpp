// The command line: its verbs, options and help.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

namespace sluice::cli {

struct command_line {
  std::unique_ptr<CLI::App> app;
  /// Does what was parsed; set by app->parse(). Returns the exit code.
  std::shared_ptr<std::function<int()>> chosen;
};

command_line make_command_line();

}  // namespace sluice::cli
