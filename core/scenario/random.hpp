// The models' own generator: small, seeded, the same everywhere. SplitMix64 (Steele et al. 2014).
#pragma once

#include <cmath>
#include <cstdint>

namespace sluice::scenario {

class generator {
 public:
  explicit generator(std::uint64_t seed) : state_{seed} {}

  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
  /// Of mean 1.
  double exponential() { return -std::log1p(-uniform()); }
  /// Below `limit`, which is not 0.
  std::uint64_t below(std::uint64_t limit) { return bits() % limit; }
  std::int64_t up_to(std::int64_t most_ns) {
    return static_cast<std::int64_t>(uniform() * static_cast<double>(most_ns));
  }

 private:
  std::uint64_t state_;
};

}  // namespace sluice::scenario
