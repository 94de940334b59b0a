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

template <typename... Values>
std::string text(const char* format, Values... values) {
  char made[96];
  std::snprintf(made, sizeof made, format, values...);
  return made;
}

double ms(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

/// An unanswered call counts with its age so far: a stalled sink completes no slow calls.
std::int64_t latency_of(const sample& seen) {
  return std::max(seen.latency_ns, seen.unanswered_ns);
}

signal by_latency(std::uint32_t level, const sample& seen, const char* than, double bound_ms) {
  const char* what =
      seen.unanswered_ns > seen.latency_ns ? "latency of an unanswered call" : "latency";
  return {level, "latency",
          text("%s %.1f ms %s %.0f ms", what, ms(latency_of(seen)), than, bound_ms)};
}

const signal open_guard{SLUICE_CRITICAL, "guard", "its guard is not closed"};

/// What is not yet beyond the exit of `level`; its own level is HEALTHY if nothing is.
signal held_by(const config::level_spec& rows, std::uint32_t level, const sample& seen) {
  const std::uint32_t row = level - 1;
  const double latency = static_cast<double>(rows.latency_ns[row]) * rows.exit_share;
  const double pending = static_cast<double>(rows.pending[row]) * rows.exit_share;
  if (seen.ratio < rows.ratio_exit[row])
    return {level, "ratio", text("ratio %.2f < %.2f", seen.ratio, rows.ratio_exit[row])};
  if (static_cast<double>(latency_of(seen)) > latency)
    return by_latency(level, seen, ">", latency / 1e6);
  if (static_cast<double>(seen.pending) > pending)
    return {level, "pending",
            text("pending %.0f > %.0f", static_cast<double>(seen.pending), pending)};
  if (!seen.guard_closed && level <= SLUICE_CRITICAL) return open_guard;
  if (seen.contributed.level >= level) return seen.contributed;
  return {};
}

/// What holds it where it stands, as of now.
void explain(standing& at, signal why) {
  at.cause = std::move(why.cause);
  at.text = std::move(why.text);
}

void explain(const config::level_spec& rows, standing& at, signal most, const sample& seen) {
  if (at.level == SLUICE_HEALTHY) return explain(at, {});
  if (most.level == at.level) return explain(at, std::move(most));
  signal held = held_by(rows, at.level, seen);
  if (held.level == SLUICE_HEALTHY)
    held = {at.level, "recovery", "recovers, every signal is better"};
  explain(at, std::move(held));
}

void rise(const config::level_spec& rows, standing& at, std::uint32_t to, std::int64_t now) {
  const bool relapse = at.fell_at != standing::never && now - at.fell_at <= rows.relapse_ns;
  if (relapse) at.hold_ns = std::min(at.hold_ns * 2, rows.hold_max_ns);
  at.fell_at = standing::never;  // rising further is the same relapse
  at.level = to;
  at.better_since = standing::never;
  at.calm_since = now;
}

void fall(standing& at, std::int64_t now) {
  --at.level;
  at.better_since = at.fell_at = at.calm_since = now;
}

}  // namespace

signal worst(const config::level_spec& rows, const sample& now) {
  signal made;
  const std::uint32_t ratio = highest(rows.ratio, [&](double row) { return now.ratio < row; });
  const std::uint32_t latency =
      highest(rows.latency_ns, [&](std::int64_t row) { return latency_of(now) >= row; });
  const std::uint32_t pending =
      highest(rows.pending, [&](std::uint64_t row) { return now.pending >= row; });
  if (ratio > 0)
    made = {ratio, "ratio", text("ratio %.2f < %.2f", now.ratio, rows.ratio[ratio - 1])};
  if (latency > made.level) made = by_latency(latency, now, ">=", ms(rows.latency_ns[latency - 1]));
  if (pending > made.level)
    made = {pending, "pending",
            text("pending %.0f >= %.0f", static_cast<double>(now.pending),
                 static_cast<double>(rows.pending[pending - 1]))};
  if (!now.guard_closed && made.level < SLUICE_CRITICAL) made = open_guard;
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
  const auto held = [&] { return held_by(rows, at.level, seen).level != SLUICE_HEALTHY; };
  if (most.level > at.level)
    rise(rows, at, most.level, now);
  else if (at.level == SLUICE_HEALTHY || held())
    at.better_since = standing::never;
  else if (at.better_since == standing::never)
    at.better_since = now;
  else if (now - at.better_since >= at.hold_ns)
    fall(at, now);
  explain(rows, at, std::move(most), seen);
  return at;
}

}  // namespace sluice::levels
