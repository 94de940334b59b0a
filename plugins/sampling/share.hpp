// sampling/share.hpp - which part of a run of records is kept.
#pragma once

#include <cstdint>

namespace sluice::sampling {

/// A part of one, above 0, in steps of 2^-32. What is between two steps is rounded up, so that n
/// records at 1/n always make a whole.
class share {
 public:
  static constexpr std::uint64_t one = std::uint64_t{1} << 32;

  /// All.
  constexpr share() = default;
  /// `part` of all, 0 to 1; 1 and more: all.
  explicit constexpr share(double part)
      : parts_{part < 1 ? static_cast<std::uint64_t>(part * static_cast<double>(one)) + 1 : one} {}

  /// 1 to 2^32 `parts` of 2^32.
  static constexpr share of_parts(std::uint64_t parts) {
    share made;
    made.parts_ = parts;
    return made;
  }

  constexpr bool whole() const { return parts_ == one; }
  /// In units of 2^-32, 1 to 2^32.
  constexpr std::uint64_t parts() const { return parts_; }
  /// How many records one that was kept with this share stands for, 1 or more.
  constexpr float weight() const { return static_cast<float>(one) / static_cast<float>(parts_); }

  friend constexpr bool operator==(share, share) = default;

 private:
  std::uint64_t parts_ = one;
};

}  // namespace sluice::sampling
