// kite_source/loopback_server.hpp - for tests: a ticker on 127.0.0.1 that does as it is told. It
// has a thread of its own; every call may come from any other.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::kite_source {

class loopback_server {
 public:
  enum class transport : std::uint8_t { plain, tls };
  /// With TLS: a new self-signed certificate for 127.0.0.1, not for any name.
  explicit loopback_server(transport over = transport::plain);
  ~loopback_server();

  std::uint16_t port() const;
  /// "127.0.0.1:port" with ws:// or wss:// before it.
  std::string url() const;
  /// The certificate's file (PEM), removed with the server.
  std::string certificate_file() const;

  /// How upgrades are answered from now on: 101, another status with a body, 0: not at all.
  void answer(unsigned status, std::string body = "");
  /// To all that are open.
  void send(std::vector<std::uint8_t> frame);
  void send_text(std::string text);
  void ping();
  /// Ends all connections without a word.
  void cut();
  /// The oldest of them.
  void cut_one();

  /// Targets of all upgrade requests.
  std::vector<std::string> targets() const;
  /// The last one's X-Kite-Version and Sec-WebSocket-Extensions headers.
  std::string kite_version() const;
  std::string extensions() const;
  /// Text messages of all connections, in the order they came.
  std::vector<std::string> texts() const;
  std::size_t pings() const;
  std::size_t open() const;
  /// Connections that ended with a close frame of code 1000.
  std::size_t closed_politely() const;

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace sluice::kite_source
