// Timing of what is too short for one look at the clock.
#pragma once

#include "feed.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace bench {

/// Keeps a value from being optimised away.
template <typename Value>
void keep(const Value& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

/// Nanoseconds a call, the least of a hundred rounds: each is so short that some are not
/// interrupted, on a busy machine too. `calls` is the number in all.
template <typename Call>
double time_of(std::uint32_t calls, Call&& call) {
  constexpr std::uint32_t rounds = 100;
  double least = 1e18;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const std::int64_t began = now_ns();
    for (std::uint32_t i = 0; i < calls / rounds; ++i) call(i);
    least = std::min(least, static_cast<double>(now_ns() - began) / (calls / rounds));
  }
  return least;
}

/// The median of what nine runs find: for the difference of two times, each larger than it.
template <typename Measure>
double median_of(Measure&& measure) {
  std::array<double, 9> found{};
  for (double& each : found) each = measure();
  std::nth_element(found.begin(), found.begin() + found.size() / 2, found.end());
  return found[found.size() / 2];
}

}  // namespace bench
