#include "runtime/store/latency_window.hpp"

#include <algorithm>
#include <bit>

namespace sluice::runtime {

namespace {
constexpr std::uint32_t unit_shift = 7;  // units of 128 ns
}

std::uint32_t latency_window::bucket_of(std::int64_t latency_ns) {
  const auto units =
      static_cast<std::uint64_t>(std::max<std::int64_t>(latency_ns, 0)) >> unit_shift;
  if (units < steps) return static_cast<std::uint32_t>(units);
  const auto octave = static_cast<std::uint32_t>(std::bit_width(units) - std::bit_width(steps)) + 1;
  const auto step = static_cast<std::uint32_t>((units >> (octave - 1)) & (steps - 1));
  return std::min(octave * steps + step, buckets - 1);
}

std::int64_t latency_window::lowest(std::uint32_t bucket) {
  const std::uint32_t octave = bucket / steps, step = bucket % steps;
  if (octave == 0) return std::int64_t{step} << unit_shift;
  return std::int64_t{steps + step} << (unit_shift + octave - 1);
}

std::int64_t latency_window::middle(std::uint32_t bucket) {
  return (lowest(bucket) + lowest(bucket + 1)) / 2;
}

void latency_window::add(std::span<const std::int64_t> begins, std::int64_t end) {
  std::int64_t largest = 0, sum = 0;
  std::uint32_t first = buckets, last = 0;
  const std::lock_guard lock{mutex_};
  slot* const longer = longer_.at(end);
  if (longer == nullptr) return;
  slot* const recent = second_.at(end);
  for (const std::int64_t begin : begins) {
    const std::int64_t latency = end - begin;
    const std::uint32_t bucket = bucket_of(latency);
    if (recent != nullptr) ++recent->count[bucket];
    ++longer->count[bucket];
    first = std::min(first, bucket);
    last = std::max(last, bucket);
    largest = std::max(largest, latency);
    sum += latency;
  }
  for (slot* into : {recent, longer}) {
    if (into == nullptr) continue;
    into->largest = std::max(into->largest, largest);
    into->sum += static_cast<double>(sum);
    into->first = std::min(into->first, first);
    into->last = std::max(into->last, last);
  }
}

latency_state latency_window::of(const ring& window, std::int64_t now) const {
  const std::int64_t too_old =
      now / window.slot_ns - static_cast<std::int64_t>(window.slots.size());
  std::array<std::uint64_t, buckets> count{};
  std::uint32_t first = buckets, last = 0;
  double sum = 0;
  latency_state made;
  {
    const std::lock_guard lock{mutex_};
    for (const slot& each : window.slots) {
      if (each.number <= too_old) continue;
      made.max_ns = std::max(made.max_ns, each.largest);
      sum += each.sum;
      for (std::uint32_t i = each.first; i <= each.last; ++i) count[i] += each.count[i];
      first = std::min(first, each.first);
      last = std::max(last, each.last);
    }
  }
  std::uint64_t total = 0;
  for (std::uint32_t i = first; i <= last; ++i) total += count[i];
  if (total == 0) return made;
  const auto percentile = [&](std::uint64_t per_mille) {
    std::uint64_t left = (total * per_mille + 999) / 1000;
    for (std::uint32_t i = first; i <= last; ++i) {
      if (count[i] >= left) return std::min(middle(i), made.max_ns);
      left -= count[i];
    }
    return made.max_ns;
  };
  made.mean_ns = static_cast<std::int64_t>(sum / static_cast<double>(total));
  made.p50_ns = percentile(500);
  made.p95_ns = total < 20 ? made.max_ns : percentile(950);
  made.p99_ns = percentile(990);
  return made;
}

}  // namespace sluice::runtime
