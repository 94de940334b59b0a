// Latencies of the last second and of a longer window, as log-linear histograms.
#pragma once

#include "runtime/snapshot.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace sluice::runtime {

/// One lane writes, any thread reads. 16 buckets an octave from 128 ns; what is read is the middle
/// of one, so that from 2 us to 68 s a percentile is at most 1/32 (3.2 %) off. The mean is exact.
class latency_window {
 public:
  /// `longer_ns`: of the longer window, 1 s at least; in it a sixtieth is forgotten at a time.
  explicit latency_window(std::int64_t longer_ns)
      : longer_{longer_ns / slots, std::vector<slot>(slots)} {}

  void add(std::int64_t latency_ns, std::int64_t now) { add(std::array{now - latency_ns}, now); }
  /// From each of `begins` to `end`.
  void add(std::span<const std::int64_t> begins, std::int64_t end);
  /// Of what was added in the second before `now`. p95 is the largest if there are fewer than 20.
  latency_state read(std::int64_t now) const { return of(second_, now); }
  /// Of the longer window before `now`, the sixtieth of it that is not over included.
  latency_state read_longer(std::int64_t now) const { return of(longer_, now); }

 private:
  static constexpr std::int64_t slots = 60;
  static constexpr std::uint32_t octaves = 26, steps = 16, buckets = octaves * steps;
  struct slot {
    std::int64_t number = -1;  // of its time since the clock's zero
    std::int64_t largest = 0;
    double sum = 0;
    std::uint32_t first = buckets, last = 0;  // of those not empty: a read looks at no other
    std::array<std::uint32_t, buckets> count{};
  };
  struct ring {
    std::int64_t slot_ns;
    std::vector<slot> slots;

    /// Null if its slot has gone round since.
    slot* at(std::int64_t now) {
      const std::int64_t number = now / slot_ns;
      slot& found = slots[static_cast<std::size_t>(number) % slots.size()];
      if (found.number > number) return nullptr;
      if (found.number < number) found = {.number = number};
      return &found;
    }
  };
  static std::uint32_t bucket_of(std::int64_t latency_ns);
  static std::int64_t lowest(std::uint32_t bucket);
  static std::int64_t middle(std::uint32_t bucket);
  latency_state of(const ring& window, std::int64_t now) const;

  mutable std::mutex mutex_;
  ring second_{100'000'000, std::vector<slot>(10)};
  ring longer_;
};

}  // namespace sluice::runtime
