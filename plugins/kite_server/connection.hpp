// One accepted connection: an HTTP request, and then either an answer or a WebSocket.
#pragma once

#include "client.hpp"
#include "control.hpp"
#include "misbehaviour.hpp"

#include <sluice/stage.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::kite_server {

/// How an upgrade is answered.
struct admission {
  unsigned status = 101;
  client* who = nullptr;  ///< with 101
  std::string why;        ///< without
};

/// What a connection asks of the server it belongs to. In the lane.
class connection_owner {
 public:
  virtual ~connection_owner() = default;
  virtual admission admit(std::string_view target) = 0;
  /// The upgrade is done: the client may be greeted.
  virtual void connected(client& who) = 0;
  virtual void text(client& from, std::string_view message) = 0;
  virtual void gone(client& who) = 0;
  virtual http_answer control(std::string_view method, std::string_view target,
                              std::string_view body) = 0;
  virtual server_counts& counts() = 0;
};

struct connection_limits {
  duration handshake{}, ping_interval{}, stall{}, cut_after{};
  std::size_t message = 0;
  std::uint32_t drip_rate = 0;
  bool control = true;
};

class connection {
 public:
  /// `tls` may be null; it, `owner` and `limits` outlive the connection's use.
  static std::shared_ptr<connection> make(boost::asio::ip::tcp::socket socket,
                                          boost::asio::ssl::context* tls, connection_owner& owner,
                                          const connection_limits& limits, sluice::host host);
  virtual ~connection() = default;

  virtual void start() = 0;
  /// Begins to write what the client's queue holds, if nothing is being written.
  virtual void pump() = 0;
  virtual void misbehave(misbehaviour mode) = 0;
  virtual void on_time(time_point now) = 0;
  /// When on_time is to be called next.
  virtual time_point next() const = 0;
  /// Ends it in order: a WebSocket with a close frame, once its queue is written.
  virtual void close() = 0;
  /// Ends it with a TCP reset.
  virtual void cut() = 0;
  /// A WebSocket, upgraded and not ended.
  virtual bool live() const = 0;
  /// Nothing of it is left to do.
  virtual bool dead() const = 0;
};

}  // namespace sluice::kite_server
