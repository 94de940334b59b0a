#include "runtime/latency_window.hpp"

#include <algorithm>
#include <bit>

namespace sluice::runtime {

std::uint32_t latency_window::bucket_of(std::int64_t latency_ns) {
  const auto units = static_cast<std::uint64_t>(std::max<std::int64_t>(latency_ns, 0)) >> 7;
  if (units < steps) return static_cast<std::uint32_t>(units);
  const auto octave = static_cast<std::uint32_t>(std::bit_width(units)) - 3;  // from 1
  const auto step = static_cast<std::uint32_t>((units >> (octave - 1)) & (steps - 1));
  return std::min(octave * steps + step, buckets - 1);
}

std::int64_t latency_window::upper_edge(std::uint32_t bucket) {
  const std::uint32_t octave = bucket / steps, step = bucket % steps;
  if (octave == 0) return (std::int64_t{step} + 1) << 7;
  return (std::int64_t{steps} + step + 1) << (octave - 1 + 7);
}

void latency_window::add(std::span<const std::int64_t> begins, std::int64_t end) {
  const std::int64_t number = end / slot_ns;
  const std::lock_guard lock{mutex_};
  slot& into = slots_[static_cast<std::size_t>(number) % slots_.size()];
  if (into.number != number) into = {number, 0, {}};
  for (const std::int64_t begin : begins) {
    into.largest = std::max(into.largest, end - begin);
    ++into.count[bucket_of(end - begin)];
    const auto bound =
        std::lower_bound(latency_bounds_ns.begin(), latency_bounds_ns.end(), end - begin);
    ++total_.count[static_cast<std::size_t>(bound - latency_bounds_ns.begin())];
    total_.sum_s += static_cast<double>(end - begin) / 1e9;
  }
}

latency_histogram latency_window::since_start() const {
  const std::lock_guard lock{mutex_};
  return total_;
}

latency_state latency_window::read(std::int64_t now) const {
  const std::int64_t number = now / slot_ns;
  std::array<std::uint64_t, buckets> sum{};
  std::uint64_t total = 0;
  latency_state made;
  {
    const std::lock_guard lock{mutex_};
    for (const slot& each : slots_) {
      if (each.number <= number - static_cast<std::int64_t>(slots_.size())) continue;
      made.max_ns = std::max(made.max_ns, each.largest);
      for (std::uint32_t i = 0; i < buckets; ++i) sum[i] += each.count[i];
    }
  }
  for (const std::uint64_t count : sum) total += count;
  if (total == 0) return made;
  const auto percentile = [&](std::uint64_t per_mille) {
    std::uint64_t left = (total * per_mille + 999) / 1000;
    for (std::uint32_t i = 0; i < buckets; ++i) {
      if (sum[i] >= left) return std::min(upper_edge(i), made.max_ns);
      left -= sum[i];
    }
    return made.max_ns;
  };
  made.p50_ns = percentile(500);
  made.p95_ns = total < 20 ? made.max_ns : percentile(950);
  made.p99_ns = percentile(990);
  return made;
}

}  // namespace sluice::runtime
