#include "plugin/search_path.hpp"

#include <algorithm>
#include <system_error>

namespace sluice::plugin {
namespace {

namespace fs = std::filesystem;

void add(search_path& directories, const fs::path& one) {
  const fs::path plain = one.lexically_normal();
  if (std::find(directories.begin(), directories.end(), plain) == directories.end())
    directories.push_back(plain);
}

void add_list(search_path& directories, std::string_view list) {
  while (!list.empty()) {
    const std::size_t colon = std::min(list.find(':'), list.size());
    if (colon > 0) add(directories, fs::path{list.substr(0, colon)});
    list.remove_prefix(std::min(colon + 1, list.size()));
  }
}

}  // namespace

search_path make_search_path(const std::vector<std::string>& given,
                             const std::optional<std::string>& environment,
                             const fs::path& executable) {
  search_path directories;
  for (const std::string& list : given) add_list(directories, list);
  if (environment) add_list(directories, *environment);
  if (executable.has_parent_path()) {
    const fs::path prefix = executable.parent_path().parent_path();
    add(directories, prefix / "lib/sluice/plugins");
    add(directories, prefix / SLUICE_PLUGIN_DIR);  // with the machine's name on Debian
  }
  add(directories, "/usr/lib/sluice/plugins");
  return directories;
}

fs::path this_executable() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error);
}

std::vector<fs::path> candidates(const search_path& directories, std::string_view name) {
  if (name.find('/') != std::string_view::npos) return {fs::path{name}};
  std::vector<fs::path> files;
  for (const fs::path& directory : directories)
    files.push_back(directory / (std::string{name} + ".so"));
  return files;
}

}  // namespace sluice::plugin
