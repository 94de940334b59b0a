// sampling/level_table.hpp - the share of records to keep at each level.
#pragma once

#include <sluice/abi.h>
#include <sluice/config.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace sluice::sampling {

/// The bounds of each share, for the configuration rows.
inline constexpr double least_share = 0.001, largest_share = 1;

/// HEALTHY, WARNING, CRITICAL, OVERLOAD.
class level_table {
 public:
  constexpr level_table(double healthy, double warning, double critical, double overload)
      : shares_{healthy, warning, critical, overload} {}

  /// `level`: SLUICE_HEALTHY to SLUICE_OVERLOAD; a worse one is OVERLOAD.
  constexpr double operator[](std::uint32_t level) const {
    return shares_[std::min<std::uint32_t>(level, SLUICE_OVERLOAD)];
  }

  /// The rule across the keys keep_healthy to keep_overload: a worse level keeps no more.
  void check(problems& found) const {
    static constexpr std::array<std::string_view, 4> keys{"keep_healthy", "keep_warning",
                                                          "keep_critical", "keep_overload"};
    for (std::size_t i = 1; i < keys.size(); ++i) {
      if (shares_[i] <= shares_[i - 1]) continue;
      char text[128];
      std::snprintf(text, sizeof text, "%g is more than %s (%g): a worse level keeps no more",
                    shares_[i], keys[i - 1].data(), shares_[i - 1]);
      found.add(keys[i], text);
    }
  }

 private:
  std::array<double, 4> shares_;
};

}  // namespace sluice::sampling
