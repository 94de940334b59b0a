// kite_source/counters.hpp - the source's own metrics, beside those the host keeps for every stage.
#pragma once

#include <sluice/ext/metrics.h>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>

namespace sluice::kite_source {

/// In the order of the table in counters.cpp.
enum class metric : std::uint8_t {
  sockets,
  sockets_connected,
  sockets_auth_wait,
  sockets_stopped,
  feed_age,
  dials,
  reconnects,
  disconnects,
  silences,
  stalls,
  token_refusals,
  rate_limits,
  gaps,
  gap_seconds,
  bytes,
  frames,
  heartbeats,
  snapshots,
  unknown_packets,
  unknown_segments,
  damaged_frames,
  texts_malformed,
  texts_unknown,
  server_errors,
  server_notices,
  orders,
  orders_repeated,
  count
};

class counters {
 public:
  /// In the stage's constructor: registers all.
  explicit counters(host of);

  void add(metric which, double more = 1) { at(which) += more; }
  void set(metric which, double value) { at(which) = value; }
  double get(metric which) const { return values_[static_cast<std::size_t>(which)]; }
  /// Hands all values to the host; [lane].
  void publish() const;

 private:
  static constexpr std::size_t size = static_cast<std::size_t>(metric::count);
  double& at(metric which) { return values_[static_cast<std::size_t>(which)]; }

  host host_;
  const sluice_metrics* exporter_;
  std::array<double, size> values_{};
  std::array<std::uint32_t, size> numbers_{};
};

}  // namespace sluice::kite_source
