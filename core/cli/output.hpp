// What the verbs share: finding plugins, printing, diagnostics.
#pragma once

#include "cli/verbs.hpp"
#include "config/load.hpp"
#include "plugin/loader.hpp"

#include <filesystem>
#include <string_view>

namespace sluice::cli {

plugin::loader make_loader(const places& from);

/// Reads and checks a pipeline file with the plugins and variables of `from`.
config::load_result load(const std::filesystem::path& file, const places& from);

/// To standard output, and to standard error.
void print(std::string_view text);
void complain(std::string_view text);

/// "file:line:column: message" of each to standard error, warnings marked as such.
void complain(const config::load_result& result);

}  // namespace sluice::cli
