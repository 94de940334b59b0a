// sampling/accumulator.hpp - keeps a share of records as evenly as can be.
#pragma once

#include <sampling/random.hpp>
#include <sampling/share.hpp>
#include <sluice/state.hpp>

#include <cstdint>
#include <vector>

namespace sluice::sampling {

/// Adds up the shares of the records it is asked about and keeps one whenever they reach a whole.
/// Of a run of records it drops at most ceil(1/p) - 1 in a row, p being their smallest share.
class accumulator {
 public:
  /// `phase`: where it starts, in units of 2^-32. Uniform, it makes each record's chance its share.
  explicit constexpr accumulator(std::uint32_t phase) : sum_{phase} {}

  constexpr bool keep(share of) {
    const std::uint64_t sum = sum_ + of.parts();
    sum_ = static_cast<std::uint32_t>(sum);
    return sum >= share::one;
  }
  /// What it holds: one that starts with it keeps the same records.
  constexpr std::uint32_t phase() const { return sum_; }

 private:
  std::uint32_t sum_;
};

/// One for each instrument, by record index, with random phases. Allocates only when it meets an
/// index above all before.
class accumulators {
 public:
  explicit accumulators(std::uint64_t seed) : seed_{seed} {}

  accumulator& of(std::uint32_t index) {
    if (index >= all_.size()) [[unlikely]]
      grow(index);
    return all_[index];
  }

  void save(state_writer& out) const {
    std::vector<std::uint32_t> phases;
    phases.reserve(all_.size());
    for (const accumulator& each : all_) phases.push_back(each.phase());
    out.put(phases);
  }
  void load(state_reader& in) {
    const auto phases = in.get<std::vector<std::uint32_t>>();
    all_ = std::vector<accumulator>(phases.begin(), phases.end());
  }

 private:
  void grow(std::uint32_t index) {
    // A phase depends on seed and index alone, not on the order in which instruments come.
    for (std::uint64_t next = all_.size(); next <= index; ++next)
      all_.emplace_back(random_bits{(seed_ << 32) + next}.next());
  }

  std::uint64_t seed_;
  std::vector<accumulator> all_;
};

}  // namespace sluice::sampling
