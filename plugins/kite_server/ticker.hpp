// The broker's side of the ticker protocol without sockets: clients, their subscriptions, the last
// packet of each instrument, and what each client is to be sent and when.
#pragma once

#include "client.hpp"
#include "misbehaviour.hpp"

#include <kite/frame.hpp>
#include <kite/text.hpp>
#include <sluice/record.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::kite_server {

struct ticker_limits {
  client_limits client;
  std::size_t sockets_per_key = kite::sockets_per_key;
  std::size_t instruments_per_socket = kite::instruments_per_socket;
  duration frame_interval = std::chrono::milliseconds{50};
  duration heartbeat = std::chrono::seconds{1};
  std::uint64_t seed = 1;
};

/// For one thread. Clients' queues grow here; whoever has the sockets empties them.
class ticker {
 public:
  explicit ticker(const ticker_limits& limits) : limits_{limits}, damager_{limits.seed} {}

  /// Null: the api_key has all its sockets. The client is the ticker's until disconnect.
  client* connect(std::string_view api_key, time_point now);
  void disconnect(client& gone);

  /// A text message of a client. One that is no request is counted and ignored, as the broker does.
  void request(client& from, std::string_view text, time_point now);
  /// A packet of any kind; false, and nothing done, if its length is none of the five.
  bool tick(kite::bytes_view packet, time_point now);
  /// A text message to every client.
  void broadcast(std::string_view text, time_point now);

  /// Sends the frames and heartbeats that are due.
  void on_time(time_point now);
  /// Sends what is there.
  void flush(time_point now);
  /// When on_time is to be called next.
  time_point next() const;

  /// What of it concerns messages: silence and malformed. Sockets and refusals are others' work.
  void misbehave(misbehaviour mode);

  const std::vector<std::unique_ptr<client>>& clients() const { return clients_; }
  /// Those of clients gone included.
  client_counts counts() const;
  /// Instruments of which a packet was seen.
  std::size_t instruments() const { return instruments_seen_; }

 private:
  struct reader {
    client* who = nullptr;
    kite::mode mode = kite::mode::quote;
  };
  struct instrument {
    std::array<std::uint8_t, kite::packet_size_max> last{};
    std::size_t size = 0;
    std::vector<reader> readers;
    kite::bytes_view packet() const { return {last.data(), size}; }
  };

  bool within_limit(const client& from, const std::vector<std::uint32_t>& tokens) const;
  void subscribe(client& from, const kite::client_request& what, time_point now);
  void unsubscribe(client& from, std::uint32_t token);
  void forget_reader(const client& who, std::uint32_t token);
  void add(client& to, kite::bytes_view packet, kite::mode in, time_point now);

  ticker_limits limits_;
  damager damager_;
  damager* damage_ = nullptr;  ///< set while frames are to be damaged
  bool silent_ = false;
  std::uint64_t ids_ = 0;
  std::vector<std::unique_ptr<client>> clients_;
  std::unordered_map<std::uint32_t, instrument> instruments_;
  std::size_t instruments_seen_ = 0;
  client_counts gone_;
  time_point flush_at_ = never;
};

}  // namespace sluice::kite_server
