#include "world.hpp"

#include "runtime/test_seed.hpp"

#include <doctest/doctest.h>

using sluice::sim::world;

namespace {

/// `$SLUICE_SEED` runs that one world alone, as the message of a failure gives it.
template <typename Run>
void for_seeds(std::uint32_t count, Run&& run) {
  const std::uint64_t first = sluice::runtime::test_seed();
  const bool one = std::getenv("SLUICE_SEED") != nullptr;
  for (std::uint64_t seed = first; seed < first + (one ? 1 : count); ++seed) {
    INFO("SLUICE_SEED=", seed);
    run(seed);
  }
}

}  // namespace

TEST_CASE("random pipelines with faults: the ledger adds up at every rest, to the end") {
  for_seeds(120, [](std::uint64_t seed) { world{seed, {true, true}}.run(); });
}

TEST_CASE("random pipelines: order per key and priority is kept") {
  for_seeds(120, [](std::uint64_t seed) {
    world in{seed, {false, false}};
    in.run();
    in.check_order();
  });
}

TEST_CASE("the same seed is the same run") {
  for_seeds(10, [](std::uint64_t seed) {
    world first{seed, {true, true}}, second{seed, {true, true}};
    first.run();
    second.run();
    REQUIRE(first.digest() == second.digest());
  });
}
