#include "control/tap_query.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace sluice::control {

namespace {

std::string error_of(std::string_view query) {
  try {
    parse_tap(query);
  } catch (const std::invalid_argument& why) {
    return why.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a tap's question is read as it was written") {
  runtime::tap_question asked{"redis/0"};
  CHECK(render(asked) == "stage=redis/0");
  CHECK(parse_tap(render(asked)) == asked);
  asked.key = UINT64_MAX;
  asked.priority = std::uint8_t{2};
  asked.schema = "a&b=c% d/1";
  asked.every = 1000;
  CHECK(render(asked) ==
        "stage=redis/0&key=18446744073709551615&priority=2&schema=a%26b%3Dc%25%20d/1&every=1000");
  CHECK(parse_tap(render(asked)) == asked);
  CHECK(parse_tap("every=2&stage=redis%2f0").stage == "redis/0");
}

TEST_CASE("what is wrong with a tap's question is said, with what is allowed") {
  CHECK(error_of("") == "which stage? it reads stage=NAME");
  CHECK(error_of("stage") ==
        "\"stage\" is not NAME=VALUE; allowed are stage, key, priority, schema and every");
  CHECK(error_of("stage=a&colour=red") ==
        "there is no \"colour\"; allowed are stage, key, priority, schema and every");
  CHECK(error_of("stage=a&key=-1") ==
        "key: \"-1\" is not a whole number from 0 to 18446744073709551615");
  CHECK(error_of("stage=a&priority=3") == "priority: \"3\" is not a whole number from 0 to 2");
  CHECK(error_of("stage=a&every=0") == "every: \"0\" is not a whole number from 1 to 1000000000");
  CHECK(error_of("stage=a&every=2x") == "every: \"2x\" is not a whole number from 1 to 1000000000");
}

}  // namespace sluice::control
