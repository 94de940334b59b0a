// A scenario file to a checked scenario, with every error at once.
#pragma once

#include "config/load.hpp"
#include "scenario/scenario.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::scenario {

struct read_result {
  std::optional<scenario> read;  ///< only without errors
  std::vector<config::diagnostic> errors;
};

/// The pipeline sees the variables of the file's [environment] and no others: the same file is the
/// same run everywhere.
read_result read(const std::filesystem::path& file, const config::plugin_lookup& find);
read_result read_text(std::string_view text, const std::string& file,
                      const config::plugin_lookup& find);

}  // namespace sluice::scenario
