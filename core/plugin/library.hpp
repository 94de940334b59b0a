// Shared objects loaded into the process.
#pragma once

#include "plugin/image.hpp"

#include <sluice/abi.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace boost::dll {
class shared_library;
}

namespace sluice::plugin {

/// One that is loaded as long as this lives.
class library {
 public:
  /// Its constructors, which are plugin code, have a limit of time (within_limit.hpp). Throws
  /// std::runtime_error with the reason.
  library(const std::string& name, std::string_view bytes);
  library(const library&) = delete;
  library& operator=(const library&) = delete;
  /// Unloading may fail, and nothing relies on it.
  ~library();

  const sluice_plugin& entry() const { return *entry_; }

 private:
  image image_;
  boost::dll::shared_library* opened_;
  const sluice_plugin* entry_;
};

/// All that are loaded: each content once, whatever its files are called, and for each file its
/// newest content, so that what a swap takes away and another brings back is not loaded anew.
class libraries {
 public:
  /// The process's. It never ends.
  static libraries& of_process();

  /// Checked, or throws std::runtime_error with the reason, without the path. Thread-safe.
  std::shared_ptr<const library> load(const std::filesystem::path& file);

 private:
  std::mutex lock_;
  std::map<std::string, std::weak_ptr<const library>> by_content_;  ///< by SHA-256
  std::map<std::filesystem::path, std::shared_ptr<const library>> newest_;
};

}  // namespace sluice::plugin
