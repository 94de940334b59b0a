#include "control/run_dir.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace sluice::control {
namespace {

namespace fs = std::filesystem;

/// "" if it can be used, else why not. Another user's folder, or a link to one, is never used:
/// /tmp is everybody's.
std::string unusable(const fs::path& directory) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    return std::generic_category().message(errno);
  struct stat about {};
  if (lstat(directory.c_str(), &about) != 0) return std::generic_category().message(errno);
  if (!S_ISDIR(about.st_mode)) return "is not a folder";
  if (about.st_uid != geteuid() && about.st_uid != 0 && geteuid() != 0)
    return "belongs to another user";
  if (access(directory.c_str(), W_OK | X_OK) != 0) return std::generic_category().message(errno);
  return "";
}

}  // namespace

std::vector<fs::path> run_dirs() {
  if (const char* given = std::getenv("SLUICE_RUN_DIR"); given != nullptr && *given != '\0')
    return {given};
  std::vector<fs::path> all{"/run/sluice"};
  if (const char* user = std::getenv("XDG_RUNTIME_DIR"); user != nullptr && *user != '\0')
    all.push_back(fs::path{user} / "sluice");
  all.emplace_back(fmt::format("/tmp/sluice-{}", geteuid()));
  return all;
}

fs::path own_run_dir(const std::vector<fs::path>& candidates) {
  std::string reasons;
  for (const fs::path& one : candidates) {
    const std::string why = unusable(one);
    if (why.empty()) return one;
    reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", one.string(), why);
  }
  throw std::runtime_error{"no folder for the control socket ($SLUICE_RUN_DIR): " + reasons};
}

fs::path socket_file(const fs::path& run_dir, std::string_view pipeline) {
  return run_dir / (std::string{pipeline} + ".sock");
}

}  // namespace sluice::control
