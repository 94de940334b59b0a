// The stage in the real runtime, on virtual time.
#include "my_stage.hpp"

#include <sluice/testing.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

using sluice::testing::harness;

namespace {
constexpr auto& plugin = sluice::plugin_of<stages::my_stage>;
}

TEST_CASE("what is smaller than the minimum is dropped, the rest goes on in order") {
  harness run{plugin, "minimum = 2"};
  run.push({{.key = 1, .text = "ab"}, {.key = 1, .text = "c"}, {.key = 2, .text = "def"}});
  const auto out = run.outputs();
  REQUIRE(out.size() == 2);
  CHECK(out[0].text == "ab");
  CHECK(out[1].text == "def");
  CHECK(run.count().dropped[SLUICE_DROP_SAMPLED] == 1);
  CHECK(run.balanced());
}

TEST_CASE("without settings only what is empty is dropped") {
  harness run{plugin};
  run.push({{.text = "a"}, {.text = ""}});
  CHECK(run.outputs().size() == 1);
}

TEST_CASE("high priority passes whatever its size") {
  harness run{plugin, "minimum = 100"};
  run.push({.text = "order", .priority = sluice::priority::high});
  CHECK(run.outputs().size() == 1);
}
