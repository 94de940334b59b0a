#define BOOST_DLL_USE_STD_FS
#include "plugin/loader.hpp"

#include "plugin/descriptor.hpp"
#include "plugin/elf.hpp"
#include "plugin/within_limit.hpp"

#include <sluice/record.hpp>

#include <fmt/format.h>
#include <boost/dll/shared_library.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <stdexcept>
#include <system_error>

namespace sluice::plugin {
namespace {

namespace fs = std::filesystem;

/// A library whose load hangs keeps the lock of dlopen, dlsym and dlclose.
std::atomic<bool> load_hangs{false};

constexpr const char* build_hint = "build it with sluice_add_plugin()";

/// The entry's size as the file says it.
std::uint64_t check_exports(const fs::path& file) {
  const std::vector<exported_symbol> exports = read_exports(file);
  const auto entry = std::find_if(exports.begin(), exports.end(), [](const exported_symbol& one) {
    return one.name == SLUICE_ENTRY_SYMBOL;
  });
  if (entry == exports.end())
    throw std::runtime_error{"exports no " SLUICE_ENTRY_SYMBOL ": it is not a Sluice plugin"};
  for (const exported_symbol& one : exports) {
    if (one.unique)
      throw std::runtime_error{
          fmt::format("exports the unique symbol '{}', which would keep it from ever being "
                      "replaced: compile it with -fno-gnu-unique, or {}",
                      one.name, build_hint)};
    if (one.name != SLUICE_ENTRY_SYMBOL)
      throw std::runtime_error{
          fmt::format("exports '{}' beside {}, a plugin exports that one "
                      "symbol: {}",
                      one.name, SLUICE_ENTRY_SYMBOL, build_hint)};
  }
  if (!entry->is_data)
    throw std::runtime_error{SLUICE_ENTRY_SYMBOL " is not data: it must be a sluice_plugin"};
  return entry->size;
}

boost::dll::shared_library open(const fs::path& file) {
  boost::dll::fs::error_code failed;
  boost::dll::shared_library library;
  // A bare file name would be searched for in the system's library path.
  library.load(fs::absolute(file), failed,
               boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  if (failed) {
    // Boost.DLL's own code says no more than "bad file descriptor".
    const char* why = dlerror();
    throw std::runtime_error{std::string{"cannot be loaded: "} +
                             (why != nullptr ? why : failed.message())};
  }
  return library;
}

/// Its constructors are plugin code.
std::shared_ptr<boost::dll::shared_library> open_within_limit(const fs::path& file) {
  if (load_hangs)
    throw std::runtime_error{"cannot be loaded: the load of another library has not returned"};
  try {
    // A plain pointer: should the load return after all, nobody unloads what hung.
    auto* const opened =
        plugin::within_limit("load", [file] { return new boost::dll::shared_library{open(file)}; });
    return {opened, [](boost::dll::shared_library* library) {
              if (!load_hangs) delete library;
            }};
  } catch (const hung&) {
    load_hangs = true;
    throw;
  }
}

config::found_plugin load_checked(const fs::path& file) {
  const std::uint64_t entry_size = check_exports(file);
  auto library = open_within_limit(file);
  const auto& plugin = library->get<const sluice_plugin>(SLUICE_ENTRY_SYMBOL);
  check_descriptor(plugin, entry_size);
  return {&plugin, std::move(library), file};
}

std::string list(const std::vector<fs::path>& files) {
  std::string text;
  for (const fs::path& file : files) text += (text.empty() ? "" : ", ") + file.string();
  return text;
}

}  // namespace

config::found_plugin load_file(const fs::path& file) {
  try {
    return load_checked(file);
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
