// kite_source/moments.hpp - times as people read them.
#pragma once

#include <sluice/record.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace sluice::kite_source {

inline double seconds_of(duration length) { return static_cast<double>(length.count()) / 1e9; }

/// "6.2 s".
inline std::string seconds_text(duration length) {
  char buffer[48];
  const int size = std::snprintf(buffer, sizeof buffer, "%.1f s", seconds_of(length));
  return {buffer, static_cast<std::size_t>(size)};
}

/// "2026-01-05T04:00:03.120Z".
inline std::string utc_text(duration unix_time) {
  using namespace std::chrono;
  const auto whole = floor<milliseconds>(unix_time);
  const auto day = floor<days>(whole);
  const year_month_day date{sys_days{day}};
  const hh_mm_ss time{whole - day};
  char buffer[80];
  const int size = std::snprintf(
      buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return {buffer, static_cast<std::size_t>(size)};
}

}  // namespace sluice::kite_source
