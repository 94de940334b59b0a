// Where plugins are looked for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::plugin {

/// Directories in the order in which they are tried.
using search_path = std::vector<std::filesystem::path>;

/// `given` (--plugin-path, each may hold several directories separated by colons), then
/// `environment` ($SLUICE_PLUGIN_PATH, likewise), then the plugins installed or built with the
/// executable, then /usr/lib/sluice/plugins. Without repetitions.
search_path make_search_path(const std::vector<std::string>& given,
                             const std::optional<std::string>& environment,
                             const std::filesystem::path& executable);

/// The running program's file.
std::filesystem::path this_executable();

/// The files a name may mean: itself if it contains a slash, else <directory>/<name>.so of each.
std::vector<std::filesystem::path> candidates(const search_path& directories,
                                              std::string_view name);

}  // namespace sluice::plugin
