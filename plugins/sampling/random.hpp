// sampling/random.hpp - random numbers that are the same on every machine.
#pragma once

#include <cstdint>

namespace sluice::sampling {

/// splitmix64 (Steele, Lea, Flood 2014). Not for secrets.
class random_bits {
 public:
  explicit constexpr random_bits(std::uint64_t seed) : state_{seed} {}

  /// 32 random bits.
  constexpr std::uint32_t next() {
    std::uint64_t z = state_ += 0x9e37'79b9'7f4a'7c15;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
  }
  /// The seed with which another goes on where this one stands.
  constexpr std::uint64_t state() const { return state_; }

 private:
  std::uint64_t state_;
};

}  // namespace sluice::sampling
