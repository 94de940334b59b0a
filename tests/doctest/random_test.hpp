// What random tests share: the seed, and how long they go on.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

namespace sluice {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

/// Whether $SLUICE_SEED repeats one run of a random test, as the output of a failure gave it.
inline bool one_test_seed() { return std::getenv("SLUICE_SEED") != nullptr; }

/// $SLUICE_SEED, else a new one; always printed.
inline std::uint64_t test_seed() {
  const char* given = std::getenv("SLUICE_SEED");
  const std::uint64_t made = given != nullptr ? std::stoull(given) : std::random_device{}();
  std::printf("SLUICE_SEED=%llu\n", static_cast<unsigned long long>(made));
  std::fflush(stdout);  // a crash would take it along
  return made;
}

/// `run(seed)` for `count` seeds that follow each other; with $SLUICE_SEED for that alone.
template <typename Run>
void for_test_seeds(std::uint64_t count, const Run& run) {
  const std::uint64_t first = test_seed(), end = first + (one_test_seed() ? 1 : count);
  for (std::uint64_t each = first; each < end; ++each) {
    INFO("SLUICE_SEED=", each);
    run(each);
  }
}

/// A tenth under a sanitizer, where a round takes ten times as long and runs the same code.
constexpr int test_rounds(int usual) { return sanitized ? (usual + 9) / 10 : usual; }

}  // namespace sluice
