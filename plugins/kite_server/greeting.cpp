#include "greeting.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace sluice::kite_server {

std::string instruments_meta_text(std::size_t instruments) {
  const std::string count = std::to_string(instruments);
  return R"({"type":"instruments_meta","data":{"count":)" + count + R"(,"etag":"W/\")" + count +
         R"(\""}})";
}

std::string app_code_text(duration unix_time) {
  using namespace std::chrono;
  const sys_seconds local{floor<seconds>(unix_time) + hours{5} + minutes{30}};
  const sys_days day = floor<days>(local);
  const year_month_day date{day};
  const hh_mm_ss time{local - day};
  std::array<char, 96> text{};
  const int size = std::snprintf(
      text.data(), text.size(),
      R"({"type":"app_code","timestamp":"%04d-%02u-%02uT%02d:%02d:%02d+05:30"})",
      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
      static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
      static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace sluice::kite_server
