#include "runtime/store/latency_totals.hpp"

#include <algorithm>

namespace sluice::runtime {

void latency_totals::add(std::int64_t latency_ns, std::uint32_t records) {
  const auto bound =
      std::lower_bound(latency_bounds_ns.begin(), latency_bounds_ns.end(), latency_ns);
  const std::lock_guard lock{mutex_};
  total_.count[static_cast<std::size_t>(bound - latency_bounds_ns.begin())] += records;
  total_.sum_s += static_cast<double>(latency_ns) / 1e9 * records;
}

// Records of a batch are about as old as each other: the search goes on from the last one's bound.
void latency_totals::add(std::span<const std::int64_t> begins, std::int64_t end) {
  std::int64_t sum = 0;
  std::size_t bound = 0;
  const std::lock_guard lock{mutex_};
  for (const std::int64_t begin : begins) {
    const std::int64_t latency = end - begin;
    while (bound < latency_bounds_ns.size() && latency > latency_bounds_ns[bound]) ++bound;
    while (bound > 0 && latency <= latency_bounds_ns[bound - 1]) --bound;
    ++total_.count[bound];
    sum += latency;
  }
  total_.sum_s += static_cast<double>(sum) / 1e9;
}

latency_histogram latency_totals::read() const {
  const std::lock_guard lock{mutex_};
  return total_;
}

}  // namespace sluice::runtime
