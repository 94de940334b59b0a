#include "counters.hpp"

namespace sluice::kite_source {
namespace {

struct entry {
  std::uint32_t kind;
  std::string_view name, doc;
};

constexpr std::array<entry, static_cast<std::size_t>(metric::count)> table{{
    {SLUICE_GAUGE, "sockets", "Connections this source keeps."},
    {SLUICE_GAUGE, "sockets_connected", "Connections that are open."},
    {SLUICE_GAUGE, "sockets_auth_wait", "Connections that wait for a new access token."},
    {SLUICE_GAUGE, "sockets_stopped", "Connections that were ended for good."},
    {SLUICE_GAUGE, "feed_age_seconds", "Time since the last ticks of any connection."},
    {SLUICE_COUNTER, "dials", "Attempts to connect."},
    {SLUICE_COUNTER, "reconnects", "Connections opened again after they were lost."},
    {SLUICE_COUNTER, "disconnects", "Connections lost."},
    {SLUICE_COUNTER, "silences", "Connections aborted because nothing came."},
    {SLUICE_COUNTER, "stalls", "Times a connection beat without ticks in market hours."},
    {SLUICE_COUNTER, "token_refusals", "Dials refused because of the token (401, 403)."},
    {SLUICE_COUNTER, "rate_limits", "Dials refused because of too many connections (429)."},
    {SLUICE_COUNTER, "gaps", "Times in which a connection received nothing and is back."},
    {SLUICE_COUNTER, "gap_seconds", "Length of all gaps."},
    {SLUICE_COUNTER, "bytes", "Bytes of all messages received."},
    {SLUICE_COUNTER, "frames", "Binary messages received."},
    {SLUICE_COUNTER, "heartbeats", "Heartbeats received."},
    {SLUICE_COUNTER, "snapshots", "Ticks marked as cached by the server."},
    {SLUICE_COUNTER, "unknown_packets", "Packets skipped: their length is none of the protocol."},
    {SLUICE_COUNTER, "unknown_segments", "Ticks of a segment the protocol does not name."},
    {SLUICE_COUNTER, "damaged_frames", "Binary messages cut short or with trailing bytes."},
    {SLUICE_COUNTER, "texts_malformed", "Text messages that could not be read."},
    {SLUICE_COUNTER, "texts_unknown", "Text messages of a type we do not know."},
    {SLUICE_COUNTER, "server_errors", "Errors the server told of."},
    {SLUICE_COUNTER, "server_notices", "Notices of the broker."},
    {SLUICE_COUNTER, "orders", "Order updates received, each once."},
    {SLUICE_COUNTER, "orders_repeated", "Copies of order updates, left out."},
}};

}  // namespace

counters::counters(host of)
    : host_{of}, exporter_{of.extension<sluice_metrics>(SLUICE_EXT_METRICS)} {
  if (exporter_ == nullptr) return;
  for (std::size_t i = 0; i < size; ++i)
    numbers_[i] =
        exporter_->add(host_.raw(), table[i].kind, borrow(table[i].name), borrow(table[i].doc));
}

void counters::publish() const {
  if (exporter_ == nullptr) return;
  for (std::size_t i = 0; i < size; ++i) exporter_->set(host_.raw(), numbers_[i], values_[i]);
}

}  // namespace sluice::kite_source
