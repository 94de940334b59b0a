#include "scenario/figures.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace sluice::scenario {

std::size_t level_changes(const outcome& seen, std::size_t from, std::size_t to) {
  std::size_t count = 0;
  for (std::size_t i = from; i < to; ++i)
    if (seen.slots[i].level != (i == 0 ? +SLUICE_HEALTHY : seen.slots[i - 1].level)) ++count;
  return count;
}

std::optional<double> age_p99_ms(const outcome& seen, std::size_t from, std::size_t to) {
  const auto all = seen.seen.ages(from, to);
  if (all.empty()) return std::nullopt;
  std::vector<std::uint32_t> ages{all.begin(), all.end()};
  const auto rank = ages.begin() + static_cast<std::ptrdiff_t>((ages.size() - 1) * 99 / 100);
  std::nth_element(ages.begin(), rank, ages.end());
  return *rank / 1e3;
}

figures figures_of(const outcome& seen) {
  double good = 0, received = 0;
  for (const slot& each : seen.slots) {
    good += static_cast<double>(each.good);
    received += static_cast<double>(each.received);
  }
  const double capacity = std::accumulate(seen.capacity.begin(), seen.capacity.end(), 0.0);
  const std::size_t all = seen.slots.size();
  return {good / std::max(1.0, capacity), good / std::max(1.0, received), age_p99_ms(seen, 0, all),
          level_changes(seen, 0, all)};
}

}  // namespace sluice::scenario
