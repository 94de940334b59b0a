// backpressure_monitor/reading.hpp - what the monitor takes from one status document.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::backpressure_monitor {

/// What only grows while a pipeline runs.
enum class total : std::uint8_t {
  received,           ///< by the sources, without copies for further edges
  published,          ///< by the sinks
  failed,             ///< publishes
  unknown,            ///< written, but never answered
  dropped_policy,     ///< intentionally
  dropped_fault,      ///< for any other reason
  connection_errors,  ///< of sinks: attempts that failed, and connections that had to be made anew
  cpu_seconds,        ///< of the process; not in the document
  count
};
using totals = std::array<double, static_cast<std::size_t>(total::count)>;

inline double& at(totals& of, total which) { return of[static_cast<std::size_t>(which)]; }
inline double at(const totals& of, total which) { return of[static_cast<std::size_t>(which)]; }

/// Of publishes, in seconds.
struct latency {
  double average = 0, p50 = 0, p95 = 0, p99 = 0;
};

struct reading {
  double at_s = 0;  ///< since the pipeline's start
  totals total{};
  double pending = 0;  ///< records queued before sinks, or unacknowledged
  /// The worst sink's, by p95.
  latency latency_1s, latency_longer;
};

/// What is missing in the document counts as 0. None at all: it is no status document.
std::optional<reading> read(std::string_view status);

}  // namespace sluice::backpressure_monitor
