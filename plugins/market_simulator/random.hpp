// market_simulator/random.hpp - random numbers that are the same on every machine, and a draw by
// weights in constant time.
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::market_simulator {

/// splitmix64. The standard library's distributions differ between implementations; this does not.
class random_source {
 public:
  explicit random_source(std::uint64_t seed) : state_{seed} {}

  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e37'79b9'7f4a'7c15;
    z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
    return z ^ (z >> 31);
  }
  /// 0 ... bound - 1.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }
  /// 0 ... 1, without 1.
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

/// Draws 0 ... n - 1, each as often as its weight says (Vose's alias method).
class weighted_draw {
 public:
  weighted_draw() = default;
  explicit weighted_draw(std::vector<double> weights)
      : keep_(weights.size()), other_(keep_.size()) {
    double sum = 0;
    for (const double weight : weights) sum += weight;
    std::vector<std::uint32_t> small, large;
    for (std::uint32_t i = 0; i < weights.size(); ++i) {
      weights[i] *= static_cast<double>(weights.size()) / sum;
      (weights[i] < 1 ? small : large).push_back(i);
    }
    while (!small.empty() && !large.empty()) {
      const std::uint32_t low = small.back(), high = large.back();
      small.pop_back();
      keep_[low] = weights[low];
      other_[low] = high;
      weights[high] -= 1 - weights[low];
      if (weights[high] >= 1) continue;
      large.pop_back();
      small.push_back(high);
    }
    for (const auto& rest : {small, large})
      for (const std::uint32_t i : rest) keep_[i] = 1;
  }

  std::uint32_t operator()(random_source& random) const {
    const std::uint32_t i = random.below(static_cast<std::uint32_t>(keep_.size()));
    return random.unit() < keep_[i] ? i : other_[i];
  }

 private:
  std::vector<double> keep_;
  std::vector<std::uint32_t> other_;
};

/// Weights 1, 1/2^s, 1/3^s, ... dealt to n in a random order.
inline std::vector<double> zipf_weights(std::size_t n, double s, random_source& random) {
  std::vector<double> weights(n);
  for (std::size_t i = 0; i < n; ++i) weights[i] = std::pow(static_cast<double>(i + 1), -s);
  for (std::size_t i = n; i > 1; --i)
    std::swap(weights[i - 1], weights[random.below(static_cast<std::uint32_t>(i))]);
  return weights;
}

}  // namespace sluice::market_simulator
