#include "client.hpp"

#include <algorithm>

namespace sluice::kite_server {

client_counts& client_counts::operator+=(const client_counts& other) {
  frames += other.frames;
  packets += other.packets;
  heartbeats += other.heartbeats;
  texts += other.texts;
  requests += other.requests;
  bad_requests += other.bad_requests;
  skipped_frames += other.skipped_frames;
  skipped_packets += other.skipped_packets;
  skipped_texts += other.skipped_texts;
  return *this;
}

kite::bytes_view cut_to(kite::bytes_view packet, kite::mode in) {
  using kite::packet_kind, kite::size_of;
  if (in == kite::mode::full) return packet;
  const bool index = packet.size() == size_of(packet_kind::index_full) ||
                     packet.size() == size_of(packet_kind::index_quote);
  const std::size_t size = in == kite::mode::ltp ? size_of(packet_kind::ltp)
                           : index               ? size_of(packet_kind::index_quote)
                                                 : size_of(packet_kind::quote);
  return packet.first(std::min(size, packet.size()));
}

void client::add(kite::bytes_view packet, kite::mode in, time_point now, damager* damage) {
  frame_.add(cut_to(packet, in));
  if (frame_.full()) flush(now, damage);
}

void client::flush(time_point now, damager* damage) {
  if (frame_.empty()) return;
  const kite::bytes_view frame =
      damage == nullptr ? frame_.frame() : damage->maybe_damage(frame_.frame());
  if (push(frame, false, now)) {
    ++counts_.frames;
    counts_.packets += frame_.packets();
    stalled_since_ = never;
  } else {
    ++counts_.skipped_frames;
    counts_.skipped_packets += frame_.packets();
    if (stalled_since_ == never) stalled_since_ = now;
  }
  frame_.clear();
}

void client::heartbeat(time_point now) {
  // One that does not fit is not missed: bytes are on their way.
  if (push(kite::heartbeat_frame, false, now)) ++counts_.heartbeats;
}

void client::text(std::string_view message, time_point now) {
  const kite::bytes_view bytes{reinterpret_cast<const std::uint8_t*>(message.data()),
                               message.size()};
  ++(push(bytes, true, now) ? counts_.texts : counts_.skipped_texts);
}

void client::silence() {
  queue_.keep_only(sending_ ? 1 : 0);
  frame_.clear();
  stalled_since_ = never;
}

bool client::push(kite::bytes_view message, bool text, time_point now) {
  if (!queue_.push(message, text)) return false;
  last_sent_ = now;
  return true;
}

}  // namespace sluice::kite_server
