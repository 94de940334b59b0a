// backpressure_monitor/limits.hpp - from a share and its thresholds to a level with a cause.
#pragma once

#include <sluice/stage.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace sluice::backpressure_monitor {

/// From which share (0 to 1) on a signal stands for WARNING, CRITICAL and OVERLOAD; 0: never.
struct limits {
  std::string_view signal;  ///< its name, and what the names of its configuration rows begin with
  std::array<double, 3> from{};

  /// The worst level whose threshold `value` reaches.
  level at(double value) const {
    for (std::size_t i = from.size(); i-- > 0;)
      if (from[i] > 0 && value >= from[i]) return static_cast<level>(i + 1);
    return level::healthy;
  }

  /// "memory 91 % >= 85 %"; empty when healthy.
  std::string cause(double value) const {
    const level reached = at(value);
    if (reached == level::healthy) return {};
    char text[96];
    std::snprintf(text, sizeof text, "%.*s %.3g %% >= %.3g %%", static_cast<int>(signal.size()),
                  signal.data(), value * 100, from[static_cast<std::size_t>(reached) - 1] * 100);
    return text;
  }

  /// Those that are not 0 grow with the level.
  void check(problems& found) const {
    static constexpr std::array<const char*, 3> names{"_warning", "_critical", "_overload"};
    std::size_t below = from.size();
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (from[i] <= 0) continue;
      if (below < from.size() && from[i] <= from[below]) {
        char text[128];
        std::snprintf(text, sizeof text, "%g is not above %.*s%s (%g); 0 switches one off", from[i],
                      static_cast<int>(signal.size()), signal.data(), names[below], from[below]);
        found.add(std::string{signal} + names[i], text);
      }
      below = i;
    }
  }
};

}  // namespace sluice::backpressure_monitor
