// Settings for a stage of which nothing is known but its rows.
#pragma once

#include <sluice/abi.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace sluice::testing::conformance {

/// A line "key = value"; `value` as in a pipeline file, or a string without its quotes.
std::string setting(std::string_view key, std::string_view value);

/// `given`, and within its bounds a value for every required row that it does not set. Strings
/// begin with `scratch`: most of them are files.
std::string with_required(const sluice_plugin& plugin, const std::string& given,
                          const std::filesystem::path& scratch);

}  // namespace sluice::testing::conformance
