// kite_source/network.hpp - WebSocket connections over TCP or TLS on one event loop. The only part
// that knows Asio and Beast, and it knows no time: whoever owns a connection decides when it took
// too long.
#pragma once

#include "endpoint.hpp"

#include <sluice/record.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice::kite_source {

/// How a dial or a connection ended.
struct ending {
  unsigned status = 0;  ///< HTTP status of a refused upgrade; 0: it was not that
  std::string what;     ///< unsafe to show until masked: it may quote the server
};

/// Called from network::run_ready and wait only, never from within a call to the connection.
class connection_listener {
 public:
  virtual ~connection_listener() = default;
  virtual void on_open() = 0;
  /// `message` is valid until the call returns.
  virtual void on_message(std::span<const std::uint8_t> message, bool text) = 0;
  /// The server sent a ping; it is answered already.
  virtual void on_ping() = 0;
  /// The last call, once. The connection may be destroyed in it.
  virtual void on_end(const ending& how) = 0;
};

/// Destroying it aborts: the socket is closed at once, the listener is not called again.
class connection {
 public:
  virtual ~connection() = default;
  /// Sends a text message after those before it; any time after on_open.
  virtual void send(std::string text) = 0;
  /// Sends a ping, unless one is still on its way out. Its answer is not told: what it is for is
  /// the error that a peer which forgot the connection answers with.
  virtual void ping() = 0;
  /// Closes with a close frame; messages are not told of any more, on_end is.
  virtual void close() = 0;
};

struct dial {
  endpoint to;
  std::vector<std::string> addresses;  ///< numeric, tried in this order
  std::string target;                  ///< secret
};

struct network_options {
  bool tls = false;
  bool verify = true;   ///< the server's certificate and its name
  std::string ca_file;  ///< PEM; empty: the system's
  std::size_t message_max = 2u << 20;
  std::size_t receive_buffer = 4u << 20;  ///< of the kernel; 0: as the kernel likes
};

/// [lane] all but wake.
class network {
 public:
  /// Throws std::runtime_error if the CA file cannot be used.
  explicit network(const network_options& options);
  ~network();
  network(const network&) = delete;

  /// Never fails at once: how it went is told to the listener, which outlives the connection.
  std::unique_ptr<connection> open(dial to, connection_listener& listener);

  /// Runs at most `most` handlers that are ready; returns how many there were.
  std::size_t run_ready(std::size_t most);
  /// Waits for one handler for at most this long, or until wake().
  void wait(duration most);
  /// Any thread.
  void wake();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// Whether it is an address as dial::addresses takes it.
bool numeric_address(const std::string& host);
/// Whether what is sent to this host stays on this machine.
bool loopback_host(const std::string& host);

}  // namespace sluice::kite_source
