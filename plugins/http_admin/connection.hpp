// One accepted connection: HTTP requests one after the other, or the live WebSocket.
#pragma once

#include "routes.hpp"

#include <sluice/stage.hpp>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::http_admin {

/// What a connection asks of the server it belongs to. In the lane.
class connection_owner {
 public:
  virtual ~connection_owner() = default;
  virtual answer respond(const request& asked) = 0;
  virtual answer admit_live(const request& asked) = 0;
  /// A request that ended in a limit.
  virtual void cut() = 0;
};

struct connection_limits {
  duration request{}, idle{};
  std::size_t body = 0;
};

/// What a WebSocket shows: a document, and what it has shown of it.
struct live_feed {
  std::string what;
  std::uint64_t after = 0;
};

class connection {
 public:
  /// `tls` may be null; it, `owner` and `limits` outlive the connection's use.
  static std::shared_ptr<connection> make(boost::asio::ip::tcp::socket socket,
                                          boost::asio::ssl::context* tls, connection_owner& owner,
                                          const connection_limits& limits, sluice::host host);
  virtual ~connection() = default;

  virtual void start() = 0;
  virtual void on_time(time_point now) = 0;
  /// When on_time is to be called next.
  virtual time_point next() const = 0;
  /// Since when it waits for its peer to ask, or to close; `never` while it does something.
  virtual time_point waits_since() const = 0;
  /// Of a WebSocket that takes a message now; null: it is none, or still writes the last one.
  virtual live_feed* feed() = 0;
  /// A message, to one that takes it.
  virtual void send(const std::shared_ptr<const std::string>& message) = 0;
  /// Ends it, whatever it does.
  virtual void end() = 0;
  virtual bool dead() const = 0;
};

}  // namespace sluice::http_admin
