// One connected client: what it subscribed, the frame being filled for it, what waits to be sent.
#pragma once

#include "misbehaviour.hpp"
#include "outbox.hpp"

#include <kite/frame.hpp>
#include <sluice/record.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace sluice::kite_server {

/// What one client was sent, or was not.
struct client_counts {
  std::uint64_t frames = 0, packets = 0, heartbeats = 0, texts = 0;
  std::uint64_t requests = 0, bad_requests = 0;
  std::uint64_t skipped_frames = 0, skipped_packets = 0, skipped_texts = 0;  ///< queue full

  client_counts& operator+=(const client_counts& other);
};

struct client_limits {
  std::size_t frame_packets = kite::instruments_per_socket;
  std::size_t queue_bytes = 4u << 20;
  std::size_t queue_messages = 4'096;
};

class client {
 public:
  client(std::uint64_t id, std::string api_key, const client_limits& limits, time_point now)
      : id_{id},
        api_key_{std::move(api_key)},
        queue_{limits.queue_bytes, limits.queue_messages},
        frame_{limits.frame_packets},
        last_sent_{now} {}

  std::uint64_t id() const { return id_; }
  const std::string& api_key() const { return api_key_; }
  const client_counts& counts() const { return counts_; }
  /// What the socket takes from.
  outbox& queue() { return queue_; }
  const outbox& queue() const { return queue_; }
  /// When a message was last queued for it.
  time_point last_sent() const { return last_sent_; }
  /// Since when every frame had to be skipped; `never`: they fit.
  time_point stalled_since() const { return stalled_since_; }

  std::unordered_map<std::uint32_t, kite::mode>& modes() { return modes_; }
  const std::unordered_map<std::uint32_t, kite::mode>& modes() const { return modes_; }

  void count_request(bool good) { ++(good ? counts_.requests : counts_.bad_requests); }
  /// Adds a packet of any kind in this client's mode; a full frame goes to the queue.
  void add(kite::bytes_view packet, kite::mode in, time_point now, damager* damage);
  /// Moves the frame being filled to the queue, if it holds anything; damaged if `damage` is given.
  void flush(time_point now, damager* damage);
  void heartbeat(time_point now);
  void text(std::string_view message, time_point now);
  /// Forgets what was not begun to be sent.
  void silence();
  /// Whether the oldest message of the queue is being written.
  void sending(bool now) { sending_ = now; }

 private:
  bool push(kite::bytes_view message, bool text, time_point now);

  std::uint64_t id_;
  std::string api_key_;
  outbox queue_;
  kite::frame_builder frame_;
  std::unordered_map<std::uint32_t, kite::mode> modes_;
  client_counts counts_;
  time_point last_sent_;
  time_point stalled_since_ = never;
  bool sending_ = false;
};

/// The part of a packet that is sent in a mode: a smaller mode is a prefix of a larger one. What
/// the packet does not have cannot be added.
kite::bytes_view cut_to(kite::bytes_view packet, kite::mode in);

}  // namespace sluice::kite_server
