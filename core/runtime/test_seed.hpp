// The seed of a random test: $SLUICE_SEED, else a new one; always printed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace sluice::runtime {

inline std::uint64_t test_seed() {
  const char* given = std::getenv("SLUICE_SEED");
  const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::cout << "SLUICE_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace sluice::runtime
