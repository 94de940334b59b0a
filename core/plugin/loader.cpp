#include "plugin/loader.hpp"

#include "plugin/library.hpp"

#include <sluice/record.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace sluice::plugin {
namespace {

namespace fs = std::filesystem;

std::string list(const std::vector<fs::path>& files) {
  std::string text;
  for (const fs::path& file : files) text += (text.empty() ? "" : ", ") + file.string();
  return text;
}

}  // namespace

config::found_plugin load_file(const fs::path& file) {
  try {
    const std::shared_ptr<const library> loaded = libraries::of_process().load(file);
    return {&loaded->entry(), loaded, file};
  } catch (const std::exception& refused) {
    throw std::runtime_error{file.string() + ": " + refused.what()};
  }
}

config::found_plugin loader::find(std::string_view name) const {
  const std::vector<fs::path> tried = candidates(directories_, name);
  for (const fs::path& file : tried) {
    std::error_code ignored;
    if (!fs::exists(file, ignored)) continue;
    config::found_plugin found = load_file(file);
    const std::string_view own = view(found.plugin->name);
    // A swap may load a renamed copy by its path; a search by name must find that name.
    if (name.find('/') == std::string_view::npos && own != name)
      throw std::runtime_error{fmt::format("{}: its plugin is named '{}', the file says '{}'",
                                           file.string(), own, name)};
    return found;
  }
  throw std::runtime_error{fmt::format("plugin '{}' was not found; tried {}", name, list(tried))};
}

std::vector<discovered> loader::discover() const {
  std::vector<discovered> all;
  std::map<std::string, fs::path> first;
  for (const fs::path& directory : directories_) {
    std::vector<fs::path> files;
    std::error_code unreadable;
    for (fs::directory_iterator it{directory, unreadable}, end; !unreadable && it != end;
         it.increment(unreadable))
      if (it->path().extension() == ".so") files.push_back(it->path());
    std::sort(files.begin(), files.end());

    for (const fs::path& file : files) {
      discovered one;
      one.file = file;
      const auto [before, is_first] = first.emplace(file.stem().string(), file);
      try {
        one.found = load_file(file);
        if (!is_first) one.error = fmt::format("hidden by {}", before->second.string());
      } catch (const std::exception& refused) {
        // The file has a field of its own.
        one.error = std::string{refused.what()}.substr(file.string().size() + 2);
      }
      if (!one.error.empty()) one.found = {};
      all.push_back(std::move(one));
    }
  }
  return all;
}

}  // namespace sluice::plugin
