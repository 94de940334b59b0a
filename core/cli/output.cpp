#include "cli/output.hpp"

#include "plugin/within_limit.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace sluice::cli {

plugin::loader make_loader(const places& from) {
  const char* variable = std::getenv("SLUICE_PLUGIN_PATH");
  return plugin::loader{plugin::make_search_path(
      from.plugin_path, variable == nullptr ? std::nullopt : std::optional<std::string>{variable},
      plugin::this_executable())};
}

config::load_result load(const std::filesystem::path& file, const places& from) {
  const plugin::loader plugins = make_loader(from);
  return config::load(
      file, [&](std::string_view name) { return plugins.find(name); },
      config::process_environment(from.env_file));
}

bool add_files(const std::string& path, std::vector<std::filesystem::path>& files) {
  std::error_code unreadable;
  if (!std::filesystem::is_directory(path, unreadable)) {
    files.emplace_back(path);
    return true;
  }
  std::vector<std::filesystem::path> found;
  for (std::filesystem::directory_iterator it{path, unreadable}, end; !unreadable && it != end;
       it.increment(unreadable))
    if (it->path().extension() == ".toml") found.push_back(it->path());
  std::sort(found.begin(), found.end());
  files.insert(files.end(), found.begin(), found.end());
  if (unreadable)
    complain(path + ": cannot be read: " + unreadable.message() + "\n");
  else if (found.empty())
    complain(path + ": there is no .toml file in this folder\n");
  return !unreadable && !found.empty();
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void complain(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

void flush_output() { std::fflush(stdout); }

std::string words_of(const std::exception& why) {
  if (dynamic_cast<const std::bad_alloc*>(&why) != nullptr) return "out of memory";
  return why.what();
}

int ended(int code) {
  if (!plugin::left_behind) return code;
  std::fflush(nullptr);
  std::_Exit(code);
}

void complain(const config::load_result& result) {
  for (const config::diagnostic& one : result.errors) complain(to_string(one) + "\n");
  for (config::diagnostic one : result.warnings) {
    one.message.insert(0, "warning: ");
    complain(to_string(one) + "\n");
  }
}

boost::json::array to_json(const std::vector<config::effective_value>& all) {
  boost::json::array made;
  for (const config::effective_value& one : all)
    made.push_back(
        {{"owner", one.owner}, {"key", one.key}, {"value", one.value}, {"origin", one.origin}});
  return made;
}

}  // namespace sluice::cli
