// The sink's own metrics, beside those that the host keeps for every stage.
#pragma once

#include <sluice/ext/metrics.h>
#include <sluice/stage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::redis_sink {

enum class meter : std::uint8_t {
  connected,
  reconnects,
  connect_failures,
  timeouts,
  in_flight_batches,
  written_bytes,
  receivers,
  subscribers_lost,
  errors_connection,
  errors_timeout,
  errors_busy,
  errors_rejected
};

class meters {
 public:
  /// [control]
  explicit meters(host host)
      : host_{host}, table_{host.extension<sluice_metrics>(SLUICE_EXT_METRICS)} {
    if (table_ == nullptr) return;
    for (std::size_t i = 0; i < rows.size(); ++i)
      numbers_[i] =
          table_->add(host_.raw(), rows[i].kind, borrow(rows[i].name), borrow(rows[i].doc));
  }

  double& operator[](meter which) { return values_[static_cast<std::size_t>(which)]; }

  /// [lane] Hands over what changed.
  void publish() {
    if (table_ == nullptr) return;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (values_[i] == published_[i]) continue;
      published_[i] = values_[i];
      table_->set(host_.raw(), numbers_[i], values_[i]);
    }
  }

 private:
  struct description {
    std::uint32_t kind;
    std::string_view name, doc;
  };
  static constexpr std::array<description, 12> rows{{
      {SLUICE_GAUGE, "connected", "1 while connected to Redis and greeted"},
      {SLUICE_COUNTER, "reconnects", "Connections made after the first"},
      {SLUICE_COUNTER, "connect_failures", "Attempts to connect that failed"},
      {SLUICE_COUNTER, "timeouts", "Connections cut because a reply was overdue"},
      {SLUICE_GAUGE, "in_flight_batches", "Batches written whose replies are still to come"},
      {SLUICE_COUNTER, "written_bytes", "Bytes written to Redis"},
      {SLUICE_GAUGE, "receivers", "Subscribers that got the last batch, summed over its records"},
      {SLUICE_COUNTER, "subscribers_lost",
       "Readers fewer than the best received message had before"},
      {SLUICE_COUNTER, "errors_connection", "Records unanswered because the connection was lost"},
      {SLUICE_COUNTER, "errors_timeout", "Records unanswered because a reply was overdue"},
      {SLUICE_COUNTER, "errors_busy",
       "Records Redis refused while it was loading, read only and the like"},
      {SLUICE_COUNTER, "errors_rejected", "Records Redis refused for good: no permission, ..."},
  }};

  host host_;
  const sluice_metrics* table_;
  std::array<std::uint32_t, rows.size()> numbers_{};
  std::array<double, rows.size()> values_{}, published_{};
};

}  // namespace sluice::redis_sink
