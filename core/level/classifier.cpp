#include "level/classifier.hpp"

#include <cstdio>

namespace sluice::levels {

namespace {

template <typename Value, typename Reached>
std::uint32_t highest(const Value (&rows)[3], Reached&& reached) {
  std::uint32_t level = SLUICE_HEALTHY;
  for (std::uint32_t i = 0; i < 3; ++i)
    if (reached(rows[i])) level = i + 1;
  return level;
}

void worsen(verdict& into, std::uint32_t level, const char* format, double value, double bound) {
  if (level <= into.level) return;
  char text[96];
  std::snprintf(text, sizeof text, format, value, bound);
  into = {level, text};
}

}  // namespace

verdict classify(const config::level_spec& rows, const sample& now) {
  verdict made;
  const std::uint32_t by_ratio = highest(rows.ratio, [&](double row) { return now.ratio < row; });
  const std::uint32_t by_latency =
      highest(rows.latency_ns, [&](std::int64_t row) { return now.latency_ns >= row; });
  const std::uint32_t by_pending =
      highest(rows.pending, [&](std::uint64_t row) { return now.pending >= row; });
  if (by_ratio > 0)
    worsen(made, by_ratio, "ratio %.2f < %.2f", now.ratio, rows.ratio[by_ratio - 1]);
  if (by_latency > 0)
    worsen(made, by_latency, "latency %.1f ms >= %.0f ms",
           static_cast<double>(now.latency_ns) / 1e6,
           static_cast<double>(rows.latency_ns[by_latency - 1]) / 1e6);
  if (by_pending > 0)
    worsen(made, by_pending, "pending %.0f >= %.0f", static_cast<double>(now.pending),
           static_cast<double>(rows.pending[by_pending - 1]));
  return made;
}

}  // namespace sluice::levels
