// When to send what is queued: natural batching. Pure.
#pragma once

#include <sluice/record.hpp>

#include <cstdint>

namespace sluice::redis_sink {

struct batching {
  std::uint32_t batch = 100;  ///< records of a full batch
  duration interval{};        ///< longest wait of a record for its batch to fill
  std::uint32_t window = 4;   ///< most batches in flight

  struct decision {
    std::uint32_t take = 0;  ///< records to send now
    duration wait{};         ///< with take 0: look again after this; 0: only after a reply
  };

  /// With nothing in flight all that is there goes at once, so batching costs no latency when idle;
  /// else the replies on their way are the clock: a full batch goes, and a smaller one when its
  /// oldest record has waited for the interval.
  decision decide(std::uint32_t queued, duration oldest, std::uint32_t in_flight) const {
    if (queued == 0 || in_flight >= window) return {};
    if (queued >= batch) return {batch, {}};
    if (in_flight == 0 || oldest >= interval) return {queued, {}};
    return {0, interval - oldest};
  }
};

}  // namespace sluice::redis_sink
