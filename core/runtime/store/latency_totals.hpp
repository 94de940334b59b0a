// Latencies since the start, counted by fixed bounds.
#pragma once

#include "runtime/snapshot.hpp"

#include <cstdint>
#include <mutex>
#include <span>

namespace sluice::runtime {

/// One lane writes, any thread reads.
class latency_totals {
 public:
  /// `records` of the same latency.
  void add(std::int64_t latency_ns, std::uint32_t records);
  /// From each of `begins` to `end`.
  void add(std::span<const std::int64_t> begins, std::int64_t end);
  latency_histogram read() const;

 private:
  mutable std::mutex mutex_;
  latency_histogram total_;
};

}  // namespace sluice::runtime
