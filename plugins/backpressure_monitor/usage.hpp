// backpressure_monitor/usage.hpp - memory and CPU of this process, and how much of them it may use.
#pragma once

#include <filesystem>

namespace sluice::backpressure_monitor {

/// 0: could not be read.
struct usage {
  double memory_bytes = 0;  ///< resident
  double memory_limit_bytes = 0;
  double cpu_seconds = 0;  ///< user and system, all threads, since the process began
  double cores = 0;        ///< CPUs it may use at once; a quota may make it a fraction

  double memory_ratio() const {
    return memory_limit_bytes > 0 ? memory_bytes / memory_limit_bytes : 0;
  }
};

/// Reads /proc and /sys. `root` is where these folders are: another one in tests.
///
/// The memory limit is the least of MemTotal and the limits of the process's control group and of
/// all groups around it (memory.max, or memory.limit_in_bytes of the first version). Cores are the
/// CPUs it is allowed to run on, or the least CPU quota of these groups (cpu.max, or
/// cpu.cfs_quota_us by cpu.cfs_period_us) if that is less.
class usage_reader {
 public:
  explicit usage_reader(std::filesystem::path root = "/") : root_{std::move(root)} {}
  usage read() const;

 private:
  std::filesystem::path root_;
};

}  // namespace sluice::backpressure_monitor
