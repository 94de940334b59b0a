// The test of the repository's README.
#include "every_nth.cpp"

#include <doctest/doctest.h>

// [test]
#include <sluice/testing.hpp>
// [/test]

TEST_CASE("every third record of a key is kept") {
  // [test]
  sluice::testing::harness run{sluice::plugin_of<every_nth>, "n = 3"};
  for (int i = 0; i < 9; ++i) run.push({.key = 408065, .text = "a tick"});
  CHECK(run.outputs().size() == 3);
  CHECK(run.balanced());
  // [/test]
}
