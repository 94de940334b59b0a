// Latencies of the last second, as a log-linear histogram.
#pragma once

#include "runtime/snapshot.hpp"

#include <array>
#include <cstdint>
#include <mutex>
#include <span>

namespace sluice::runtime {

/// One lane writes, any thread reads. Ten slots of 100 ms; 8 buckets an octave from 128 ns, so a
/// percentile is at most 12.5 % above the truth.
class latency_window {
 public:
  void add(std::int64_t latency_ns, std::int64_t now) { add(std::array{now - latency_ns}, now); }
  /// From each of `begins` to `end`.
  void add(std::span<const std::int64_t> begins, std::int64_t end);
  /// Of what was added in the second before `now`. p95 is the largest if there are fewer than 20.
  latency_state read(std::int64_t now) const;
  latency_histogram since_start() const;

 private:
  static constexpr std::uint32_t octaves = 27, steps = 8, buckets = octaves * steps;
  static constexpr std::int64_t slot_ns = 100'000'000;
  struct slot {
    std::int64_t number = -1;
    std::int64_t largest = 0;
    std::array<std::uint32_t, buckets> count{};
  };
  static std::uint32_t bucket_of(std::int64_t latency_ns);
  static std::int64_t upper_edge(std::uint32_t bucket);

  mutable std::mutex mutex_;
  std::array<slot, 10> slots_;
  latency_histogram total_;
};

}  // namespace sluice::runtime
