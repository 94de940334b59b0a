// kite_source/market_hours.hpp - when ticks are to be expected: "09:15-15:30", India's time, Monday
// to Friday. Holidays are not known: then a socket is redialled once, and an alarm tells why.
#pragma once

#include <sluice/record.hpp>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::kite_source {

class market_hours {
 public:
  /// Throws std::invalid_argument saying what is wrong and what is allowed.
  explicit market_hours(std::string_view text) {
    if (text.size() != 11 || text[5] != '-') refuse(text);
    from_ = minutes(text.substr(0, 5), text);
    to_ = minutes(text.substr(6), text);
    if (from_ >= to_) refuse(text);
  }

  /// `unix_time`: since 1970, UTC.
  bool open(duration unix_time) const {
    constexpr std::int64_t india_minutes = 330, day_minutes = 1'440, thursday = 3;
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::minutes>(unix_time).count() + india_minutes;
    const std::int64_t weekday = (now / day_minutes + thursday) % 7;  // 0: Monday
    const std::int64_t minute = now % day_minutes;
    return weekday < 5 && minute >= from_ && minute < to_;
  }

 private:
  [[noreturn]] static void refuse(std::string_view text) {
    throw std::invalid_argument{"'" + std::string{text} +
                                "' is not HH:MM-HH:MM with the first before the second"};
  }
  static std::int64_t minutes(std::string_view part, std::string_view whole) {
    const auto digit = [&](std::size_t at) {
      if (part[at] < '0' || part[at] > '9') refuse(whole);
      return part[at] - '0';
    };
    const int hour = digit(0) * 10 + digit(1), minute = digit(3) * 10 + digit(4);
    if (part[2] != ':' || hour > 24 || minute > 59 || hour * 60 + minute > 1'440) refuse(whole);
    return hour * 60 + minute;
  }

  std::int64_t from_ = 0, to_ = 0;
};

}  // namespace sluice::kite_source
