// The sink's own metrics, beside those that the host keeps for every stage.
#pragma once

#include <sluice/meters.hpp>

#include <array>
#include <cstdint>

namespace sluice::redis_sink {

enum class meter : std::uint8_t {
  connected,
  reconnects,
  connect_failures,
  timeouts,
  in_flight_batches,
  window,
  written_bytes,
  sent_again,
  receivers,
  subscribers_lost,
  reader_buffer_bytes,
  errors_connection,
  errors_timeout,
  errors_busy,
  errors_rejected
};

inline constexpr std::array meter_rows{
    gauge(meter::connected, "connected", "1 while connected to Redis and greeted"),
    counter(meter::reconnects, "reconnects", "Connections made after the first"),
    counter(meter::connect_failures, "connect_failures", "Attempts to connect that failed"),
    counter(meter::timeouts, "timeouts", "Connections cut because a reply was overdue"),
    gauge(meter::in_flight_batches, "in_flight_batches",
          "Batches written whose replies are still to come"),
    gauge(meter::window, "window", "Batches that may be in flight"),
    counter(meter::written_bytes, "written_bytes", "Bytes written to Redis"),
    counter(meter::sent_again, "sent_again",
            "Records sent again because a connection left them unanswered"),
    gauge(meter::receivers, "receivers",
          "Subscribers that got the last batch, summed over its records"),
    counter(meter::subscribers_lost, "subscribers_lost",
            "Readers fewer than the best received message had before"),
    gauge(meter::reader_buffer_bytes, "reader_buffer_bytes",
          "Held by Redis for its slowest subscriber"),
    counter(meter::errors_connection, "errors_connection",
            "Records unanswered because the connection was lost"),
    counter(meter::errors_timeout, "errors_timeout",
            "Records unanswered because a reply was overdue"),
    counter(meter::errors_busy, "errors_busy",
            "Records Redis refused while it was loading, read only and the like"),
    counter(meter::errors_rejected, "errors_rejected",
            "Records Redis refused for good: no permission, ...")};
using meters = sluice::meters<meter_rows>;

}  // namespace sluice::redis_sink
