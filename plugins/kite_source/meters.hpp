// The source's own metrics, beside those the host keeps for every stage.
#pragma once

#include <sluice/meters.hpp>

#include <array>
#include <cstdint>

namespace sluice::kite_source {

enum class meter : std::uint8_t {
  sockets,
  sockets_connected,
  sockets_auth_wait,
  sockets_stopped,
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
  orders_repeated
};

inline constexpr std::array meter_rows{
    gauge(meter::sockets, "sockets", "Connections this source keeps."),
    gauge(meter::sockets_connected, "sockets_connected", "Connections that are open."),
    gauge(meter::sockets_auth_wait, "sockets_auth_wait",
          "Connections that wait for a new access token."),
    gauge(meter::sockets_stopped, "sockets_stopped", "Connections that were ended for good."),
    counter(meter::dials, "dials", "Attempts to connect."),
    counter(meter::reconnects, "reconnects", "Connections opened again after they were lost."),
    counter(meter::disconnects, "disconnects", "Connections lost."),
    counter(meter::silences, "silences", "Connections aborted because nothing came."),
    counter(meter::stalls, "stalls", "Times a connection beat without ticks in market hours."),
    counter(meter::token_refusals, "token_refusals",
            "Dials refused because of the token (401, 403)."),
    counter(meter::rate_limits, "rate_limits",
            "Dials refused because of too many connections (429)."),
    counter(meter::gaps, "gaps", "Times in which a connection received nothing and is back."),
    counter(meter::gap_seconds, "gap_seconds", "Length of all gaps."),
    counter(meter::bytes, "bytes", "Bytes of all messages received."),
    counter(meter::frames, "frames", "Binary messages received."),
    counter(meter::heartbeats, "heartbeats", "Heartbeats received."),
    counter(meter::snapshots, "snapshots", "Ticks marked as cached by the server."),
    counter(meter::unknown_packets, "unknown_packets",
            "Packets skipped: their length is none of the protocol."),
    counter(meter::unknown_segments, "unknown_segments",
            "Ticks of a segment the protocol does not name."),
    counter(meter::damaged_frames, "damaged_frames",
            "Binary messages cut short or with trailing bytes."),
    counter(meter::texts_malformed, "texts_malformed", "Text messages that could not be read."),
    counter(meter::texts_unknown, "texts_unknown", "Text messages of a type we do not know."),
    counter(meter::server_errors, "server_errors", "Errors the server told of."),
    counter(meter::server_notices, "server_notices", "Notices of the broker."),
    counter(meter::orders, "orders", "Order updates received, each once."),
    counter(meter::orders_repeated, "orders_repeated", "Copies of order updates, left out.")};
using meters = sluice::meters<meter_rows>;

}  // namespace sluice::kite_source
