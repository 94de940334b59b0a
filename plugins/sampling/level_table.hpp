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

/// The four rows of a table, each with the member it fills.
template <auto Member>
constexpr row keep_row(std::string_view key, std::string_view doc, std::string_view share) {
  return field<Member>(key, doc).by_default(share).between(least_share, largest_share).live();
}
template <auto Member>
inline constexpr row keep_healthy = keep_row<Member>("keep_healthy",
                                                     "Share of the records kept in HEALTHY.",
                                                     "1.0");
template <auto Member>
inline constexpr row keep_warning = keep_row<Member>("keep_warning",
                                                     "Share of the records kept in WARNING.",
                                                     "0.8");
template <auto Member>
inline constexpr row keep_critical = keep_row<Member>("keep_critical",
                                                      "Share of the records kept in CRITICAL.",
                                                      "0.5");
template <auto Member>
inline constexpr row keep_overload = keep_row<Member>("keep_overload",
                                                      "Share of the records kept in OVERLOAD.",
                                                      "0.2");

/// HEALTHY, WARNING, CRITICAL, OVERLOAD.
class level_table {
 public:
  constexpr level_table(double healthy, double warning, double critical, double overload)
      : shares_{healthy, warning, critical, overload} {}
  /// Of a configuration with the four rows.
  template <typename Config>
  explicit constexpr level_table(const Config& of)
      : level_table{of.keep_healthy, of.keep_warning, of.keep_critical, of.keep_overload} {}

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
