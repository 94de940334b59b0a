// Keeps a line that repeats from flooding the log, and says how many were left out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::telemetry {

/// Of lines with the same stage and text, the first 5 in 10 s pass. Time is the caller's; so is
/// the locking.
class line_limiter {
 public:
  struct left_out {
    std::uint32_t severity;
    std::string stage, message;
    std::uint64_t times;
  };

  /// Whether the line may be written.
  bool admit(std::uint32_t severity, std::string_view stage, std::string_view message,
             std::int64_t now_ns);
  /// What was left out in windows that have ended, or in all of them. Call it every second or so.
  std::vector<left_out> collect(std::int64_t now_ns, bool all = false);

 private:
  static constexpr std::int64_t window_ns = 10'000'000'000;
  static constexpr std::uint64_t burst = 5;
  static constexpr std::size_t lines_max = 1024;  // more different lines are not limited

  struct line {
    std::int64_t begun = 0;
    std::uint64_t times = 0;
    std::uint32_t severity = 0;
  };
  std::map<std::pair<std::string, std::string>, line> lines_;
};

}  // namespace sluice::telemetry
