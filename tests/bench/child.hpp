// A program under measurement.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bench {

struct usage {
  double cpu_s = 0;    ///< user and system, so far
  double rss_mib = 0;  ///< now
};

/// Ends with its owner.
class child {
 public:
  using environment = std::vector<std::pair<std::string, std::string>>;
  /// Its output goes to `log`. Throws std::runtime_error.
  child(const std::vector<std::string>& command, const environment& variables,
        const std::string& log);
  ~child();
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  usage used() const;
  /// SIGTERM, and SIGKILL after 15 s. Its exit code, or -1.
  int end();

 private:
  pid_t pid_ = -1;
};

/// A port nobody listens on now.
std::uint16_t free_port();
/// Until something listens there. Throws std::runtime_error after 10 s.
void wait_for_port(std::uint16_t port);

}  // namespace bench
