// The server's own metrics.
#pragma once

#include <sluice/meters.hpp>

#include <array>
#include <cstdint>

namespace sluice::kite_server {

enum class meter : std::uint8_t {
  port,
  clients,
  instruments,
  accepted,
  refused_malformed,
  refused_credentials,
  refused_limit,
  cut_slow,
  cut_dead,
  frames,
  packets,
  texts,
  skipped_frames,
  skipped_packets,
  skipped_texts,
  bad_requests
};

inline constexpr std::array meter_rows{
    gauge(meter::port, "port", "The port listened on."),
    gauge(meter::clients, "clients", "Clients connected."),
    gauge(meter::instruments, "instruments", "Instruments of which a tick was seen."),
    counter(meter::accepted, "accepted", "Clients let in."),
    counter(meter::refused_malformed, "refused_malformed", "Clients refused with 400."),
    counter(meter::refused_credentials, "refused_credentials", "Clients refused with 403."),
    counter(meter::refused_limit, "refused_limit", "Clients refused with 429."),
    counter(meter::cut_slow, "cut_slow", "Clients cut because they took nothing for too long."),
    counter(meter::cut_dead, "cut_dead", "Clients cut because they answered no ping."),
    counter(meter::frames, "frames", "Frames queued for clients."),
    counter(meter::packets, "packets", "Packets in those frames."),
    counter(meter::texts, "texts", "Text messages queued for clients."),
    counter(meter::skipped_frames, "skipped_frames", "Frames a client's queue had no room for."),
    counter(meter::skipped_packets, "skipped_packets", "Packets in those frames."),
    counter(meter::skipped_texts, "skipped_texts",
            "Text messages a client's queue had no room for."),
    counter(meter::bad_requests, "bad_requests", "Messages of clients that are no request.")};
using meters = sluice::meters<meter_rows>;

}  // namespace sluice::kite_server
