// Finds plugins, refuses those that break the contract, and loads the others.
#pragma once

#include "config/load.hpp"
#include "plugin/search_path.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::plugin {

/// Loads what the file holds now, whatever was loaded from it before. The same content is the same
/// library. Throws std::runtime_error "<file>: <why it cannot be used>". Thread-safe.
config::found_plugin load_file(const std::filesystem::path& file);

/// A file of the search path: a plugin, or the reason why it is none.
struct discovered {
  std::filesystem::path file;
  config::found_plugin found;  ///< found.plugin is null with an error
  std::string error;
};

/// Thread-safe: it has no state but the path. A loaded library stays loaded at least as long as
/// anyone holds its found_plugin.
class loader {
 public:
  explicit loader(search_path directories) : directories_{std::move(directories)} {}

  /// The first file of that name in the search path, or the file itself if `name` contains a
  /// slash. A file that exists and is refused ends the search: nothing older is taken instead.
  /// Throws std::runtime_error with the reason and every path tried.
  config::found_plugin find(std::string_view name) const;

  /// Every .so of the search path, by directory and name.
  std::vector<discovered> discover() const;

  const search_path& directories() const { return directories_; }

 private:
  search_path directories_;
};

}  // namespace sluice::plugin
