#include "config/text.hpp"

#include <doctest/doctest.h>

namespace text_test {

using namespace sluice::config;

TEST_CASE("durations") {
  CHECK(parse_duration("100ms", false) == 100'000'000);
  CHECK(parse_duration("1.5s", false) == 1'500'000'000);
  CHECK(parse_duration("2m", false) == 120'000'000'000);
  CHECK(parse_duration("1h", false) == 3'600'000'000'000);
  CHECK(parse_duration("1m30s", false) == 90'000'000'000);
  CHECK(parse_duration("7us", false) == 7'000);
  CHECK(parse_duration("7\u00b5s", false) == 7'000);
  CHECK(parse_duration("1_000ns", false) == 1'000);
  CHECK(parse_duration("-5ms", false) == -5'000'000);
  CHECK(parse_duration("0", false) == 0);
  CHECK(parse_duration("30", true) == 30'000'000'000);
  CHECK(parse_duration("0.1", true) == 100'000'000);
  CHECK(parse_duration("100ms", true) == 100'000'000);
  for (const char* bad : {"", "-", "30", "5 ms", "ms", "5sec", "1.2.3s", "_1s", "1_s", "1e3s",
                          "inf", "nan", "999999999999h", "5ms "})
    CHECK_MESSAGE(!parse_duration(bad, false), bad);
  CHECK_FALSE(parse_duration("1e300", true));
}

TEST_CASE("sizes") {
  CHECK(parse_size("64KiB") == 65'536);
  CHECK(parse_size("16MB") == 16'000'000);
  CHECK(parse_size("1.5 KiB") == 1'536);
  CHECK(parse_size("512") == 512);
  CHECK(parse_size("10B") == 10);
  for (const char* bad : {"", "KiB", "64kib", "64K", "-1", "9999999TiB", "1KiB2KiB"})
    CHECK_MESSAGE(!parse_size(bad), bad);
}

TEST_CASE("numbers and booleans") {
  CHECK(parse_integer("1_000") == 1000);
  CHECK(parse_integer("-7") == -7);
  CHECK(parse_integer("+7") == 7);
  for (const char* bad : {"", "+", "_1", "1__0", "1.0", "0x10", "9223372036854775808", "7 "})
    CHECK_MESSAGE(!parse_integer(bad), bad);
  CHECK(parse_number("1e3") == 1000);
  for (const char* bad : {"", "inf", "nan", "1e999", "1,5"}) CHECK_MESSAGE(!parse_number(bad), bad);
  CHECK(parse_boolean("true", false) == true);
  CHECK(parse_boolean("OFF", true) == false);
  CHECK_FALSE(parse_boolean("yes", false));
  CHECK_FALSE(parse_boolean("2", true));
}

TEST_CASE("what is shown parses to the same") {
  for (const std::int64_t value : {0ll, 1ll, 1500ll, 20'000'000ll, 90'000'000'000ll,
                                   86'400'000'000'000ll, 1234567891234567ll}) {
    CHECK(parse_duration(show_duration(value), false) == value);
    CHECK(parse_size(show_size(value)) == value);
  }
  CHECK(show_duration(1'500'000'000) == "1500ms");
  CHECK(show_size(16 << 20) == "16MiB");
  CHECK(show_size(16'000'000) == "16MB");
}

TEST_CASE("texts of others do not break a message or show a password") {
  CHECK(in_quotes("a\nb\x1b") == "\"a\\x0ab\\x1b\"");
  CHECK(in_quotes(std::string(500, 'x')).size() < 100);
  CHECK(without_password("redis://user:pa:ss@host:1/0") == "redis://user:***@host:1/0");
  CHECK(without_password("redis://:p@ss@host") == "redis://:***@host");
  CHECK(without_password("redis://host:6379/a:b@c") == "redis://host:6379/a:b@c");
  CHECK(without_password("plain") == "plain");
}

TEST_CASE("the nearest name, if it is near") {
  const std::vector<std::string> names{"channel", "records", "when_full", "url"};
  CHECK(nearest("chanel", names) == "channel");
  CHECK(nearest("wehn_full", names) == "when_full");
  CHECK(nearest("ulr", names) == "url");
  CHECK_FALSE(nearest("colour", names));
  CHECK_FALSE(nearest(std::string(100'000, 'x'), names));
}

TEST_CASE("names of stages") {
  CHECK(is_name("redis_sink-2.a"));
  CHECK(is_name(std::string(64, 'x')));
  for (const char* bad : {"", "-a", ".a", "a b", "a/b", "\u00e4"}) CHECK_FALSE(is_name(bad));
  CHECK_FALSE(is_name(std::string(65, 'x')));
}

}  // namespace text_test
