#include "null.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

TEST_CASE("everything that comes is published") {
  sluice::testing::harness run{sluice::plugin_of<sluice::null::null>};
  run.push({{.key = 1, .text = "a"}, {.key = 2, .text = ""}, {.key = 1, .text = "b"}});
  CHECK(run.count().in == 3);
  CHECK(run.count().published == 3);
  CHECK(run.drain());
  CHECK(run.balanced());
}
