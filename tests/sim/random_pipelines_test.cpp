#include "random_test.hpp"
#include "world.hpp"

#include <doctest/doctest.h>

using sluice::for_test_seeds;
using sluice::sim::world;

TEST_CASE("random pipelines with faults: the ledger adds up at every rest, to the end") {
  for_test_seeds(120, [](std::uint64_t seed) { world{seed, {true, true}}.run(); });
}

TEST_CASE("random pipelines: order per key and priority is kept") {
  for_test_seeds(120, [](std::uint64_t seed) {
    world in{seed, {false, false}};
    in.run();
    in.check_order();
  });
}

TEST_CASE("the same seed is the same run") {
  for_test_seeds(10, [](std::uint64_t seed) {
    world first{seed, {true, true}}, second{seed, {true, true}};
    first.run();
    second.run();
    REQUIRE(first.digest() == second.digest());
  });
}
