// Completion scripts, written from the command line itself.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>

namespace sluice::cli {

/// `shell` is bash, zsh or fish.
std::string completion(const CLI::App& app, std::string_view shell);

}  // namespace sluice::cli
