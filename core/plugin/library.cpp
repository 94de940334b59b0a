#define BOOST_DLL_USE_STD_FS
#include "plugin/library.hpp"

#include "config/hash.hpp"
#include "plugin/descriptor.hpp"
#include "plugin/elf.hpp"
#include "plugin/within_limit.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <boost/dll/shared_library.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <vector>

namespace sluice::plugin {
namespace {

namespace fs = std::filesystem;

/// A library whose load hangs keeps the lock of dlopen, dlsym and dlclose.
std::atomic<bool> load_hangs{false};

constexpr const char* build_hint = "build it with sluice_add_plugin()";

/// The entry's size as the file says it.
std::uint64_t check_exports(std::string_view bytes) {
  const std::vector<exported_symbol> exports = read_exports(bytes);
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
  library.load(file, failed, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  if (failed) {
    // Boost.DLL's own code says no more than "bad file descriptor".
    const char* told = dlerror();
    std::string why = told != nullptr ? told : failed.message();
    // The image's path means nothing to whoever reads this.
    if (const std::string image = file.string() + ": "; why.starts_with(image))
      why.erase(0, image.size());
    throw std::runtime_error{"cannot be loaded: " + why};
  }
  return library;
}

bool is_loaded(const fs::path& file) {
  void* const loaded = dlopen(file.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (loaded != nullptr) dlclose(loaded);
  return loaded != nullptr;
}

}  // namespace

library::library(const std::string& name, std::string_view bytes) : image_{name, bytes} {
  if (load_hangs)
    throw std::runtime_error{"cannot be loaded: the load of another library has not returned"};
  try {
    // A plain pointer: should the load return after all, nobody unloads what hung.
    opened_ = plugin::within_limit(
        "load", [file = image_.path()] { return new boost::dll::shared_library{open(file)}; });
  } catch (const hung&) {
    load_hangs = true;
    throw;
  }
  entry_ = &opened_->get<const sluice_plugin>(SLUICE_ENTRY_SYMBOL);
}

library::~library() {
  if (!load_hangs) delete opened_;
  // As long as it is there, dlopen would answer with it whatever the path led to.
  if (load_hangs || is_loaded(image_.path())) image_.keep();
}

libraries& libraries::of_process() {
  // Unloading them at the end of the process would run code of plugins in an order of its own.
  static auto* const all = new libraries;
  return *all;
}

std::shared_ptr<const library> libraries::load(const fs::path& file) {
  const std::string bytes = read_whole(file);
  const std::string content = config::sha256(bytes);
  const std::lock_guard hold{lock_};
  std::shared_ptr<const library> found = by_content_[content].lock();
  if (!found) {
    const std::uint64_t entry_size = check_exports(bytes);
    found = std::make_shared<library>(file.filename().string(), bytes);
    check_descriptor(found->entry(), entry_size);
    by_content_[content] = found;
  }
  newest_[fs::absolute(file).lexically_normal()] = found;
  std::erase_if(by_content_, [](const auto& one) { return one.second.expired(); });
  return found;
}

}  // namespace sluice::plugin
