#include "level/classifier.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace sluice::levels {

namespace {

template <typename Value, typename Reached>
std::uint32_t highest(const Value (&rows)[3], Reached&& reached) {
  std::uint32_t level = SLUICE_HEALTHY;
  for (std::uint32_t i = 0; i < 3; ++i)
    if (reached(rows[i])) level = i + 1;
  return level;
}

void worsen(signal& into, std::uint32_t level, const char* cause, const char* format, double value,
            double bound) {
  if (level <= into.level) return;
  char text[96];
  std::snprintf(text, sizeof text, format, value, bound);
  into = {level, cause, text};
}

/// Whether a signal is not yet beyond the exit of `level`.
bool holds(const config::level_spec& rows, std::uint32_t level, const sample& seen) {
  const std::uint32_t row = level - 1;
  return seen.ratio < rows.ratio_exit[row] ||
         static_cast<double>(seen.latency_ns) >
             static_cast<double>(rows.latency_ns[row]) * rows.exit_share ||
         static_cast<double>(seen.pending) >
             static_cast<double>(rows.pending[row]) * rows.exit_share ||
         (!seen.guard_closed && level <= SLUICE_CRITICAL) || seen.contributed.level >= level;
}

void rise(const config::level_spec& rows, standing& at, signal to, std::int64_t now) {
  const bool relapse = at.fell_at != standing::never && now - at.fell_at <= rows.relapse_ns;
  if (relapse) at.hold_ns = std::min(at.hold_ns * 2, rows.hold_max_ns);
  at.fell_at = standing::never;  // rising further is the same relapse
  at.level = to.level;
  at.cause = std::move(to.cause);
  at.text = std::move(to.text);
  at.better_since = standing::never;
  at.calm_since = now;
}

void fall(standing& at, std::int64_t now) {
  --at.level;
  at.better_since = at.fell_at = at.calm_since = now;
  if (at.level != SLUICE_HEALTHY) return;
  at.cause.clear();
  at.text.clear();
}

}  // namespace

signal worst(const config::level_spec& rows, const sample& now) {
  signal made;
  const std::uint32_t by_ratio = highest(rows.ratio, [&](double row) { return now.ratio < row; });
  const std::uint32_t by_latency =
      highest(rows.latency_ns, [&](std::int64_t row) { return now.latency_ns >= row; });
  const std::uint32_t by_pending =
      highest(rows.pending, [&](std::uint64_t row) { return now.pending >= row; });
  if (by_ratio > 0)
    worsen(made, by_ratio, "ratio", "ratio %.2f < %.2f", now.ratio, rows.ratio[by_ratio - 1]);
  if (by_latency > 0)
    worsen(made, by_latency, "latency", "latency %.1f ms >= %.0f ms",
           static_cast<double>(now.latency_ns) / 1e6,
           static_cast<double>(rows.latency_ns[by_latency - 1]) / 1e6);
  if (by_pending > 0)
    worsen(made, by_pending, "pending", "pending %.0f >= %.0f", static_cast<double>(now.pending),
           static_cast<double>(rows.pending[by_pending - 1]));
  if (!now.guard_closed && made.level < SLUICE_CRITICAL)
    made = {SLUICE_CRITICAL, "guard", "its guard is not closed"};
  if (now.contributed.level > made.level) made = now.contributed;
  return made;
}

standing advance(const config::level_spec& rows, standing from, const sample& seen,
                 std::int64_t now) {
  standing at = std::move(from);
  if (at.hold_ns == 0) at.hold_ns = rows.hold_ns;
  if (at.calm_since == standing::never) at.calm_since = now;
  if (now - at.calm_since >= rows.relapse_ns) {
    at.hold_ns = std::max(at.hold_ns / 2, rows.hold_ns);
    at.calm_since = now;
  }

  signal most = worst(rows, seen);
  if (most.level > at.level) {
    rise(rows, at, std::move(most), now);
  } else if (at.level == SLUICE_HEALTHY || holds(rows, at.level, seen)) {
    at.better_since = standing::never;
    if (most.level == at.level && most.level > SLUICE_HEALTHY) {
      at.cause = std::move(most.cause);
      at.text = std::move(most.text);
    }
  } else if (at.better_since == standing::never) {
    at.better_since = now;
  } else if (now - at.better_since >= at.hold_ns) {
    fall(at, now);
  }
  return at;
}

}  // namespace sluice::levels
