// How long to wait before the next attempt to connect. Pure.
#pragma once

#include <sluice/record.hpp>

#include <algorithm>
#include <cstdint>

namespace sluice::redis {

/// Exponential with full jitter: each wait is uniform between nothing and a ceiling that doubles
/// from `least` to `most`. Never gives up. `seed` makes instances differ.
class backoff {
 public:
  backoff(duration least, duration most, std::uint64_t seed)
      : least_{least}, most_{most}, ceiling_{least}, state_{seed} {}

  void set(duration least, duration most) {
    least_ = least;
    most_ = most;
    ceiling_ = std::clamp(ceiling_, least, most);
  }
  /// A connection was made.
  void reset() { ceiling_ = least_; }

  duration next() {
    const duration wait{draw(ceiling_.count())};
    ceiling_ = ceiling_ > most_ / 2 ? most_ : ceiling_ * 2;
    return wait;
  }

  /// After a refusal that only a person ends: between half of `around` and one and a half.
  duration refused(duration around) { return around / 2 + duration{draw(around.count())}; }

 private:
  /// Uniform in [0, most]; SplitMix64.
  std::int64_t draw(std::int64_t most) {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return static_cast<std::int64_t>(z % (static_cast<std::uint64_t>(most) + 1));
  }

  duration least_, most_, ceiling_;
  std::uint64_t state_;
};

}  // namespace sluice::redis
