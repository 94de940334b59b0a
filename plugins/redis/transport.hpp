// Bytes to and from one peer over TCP, a unix socket or TLS. Knows nothing of Redis. Time limits
// are its owner's.
#pragma once

#include "tls.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::redis {

class transport {
 public:
  using protocol = boost::asio::generic::stream_protocol;

  /// Whom to tell; only from within io_context::run, never from within a call below.
  class listener {
   public:
    virtual ~listener() = default;
    /// Connected, with TLS verified if it is used.
    virtual void opened() = 0;
    virtual void received(std::span<const char> bytes) = 0;
    /// The attempt failed, or the connection is gone; the transport is closed.
    virtual void closed(std::string_view why) = 0;
  };

  transport(boost::asio::io_context& io, listener& owner) : io_{io}, owner_{owner}, socket_{io} {}

  /// Begins to connect; ends in opened() or closed(). `tls` null: plain. Closes what was open.
  void open(const protocol::endpoint& to, const tls_context* tls, const std::string& host,
            std::uint32_t user_timeout_ms);
  /// At once, without a word to the owner.
  void close();

  /// Open, and all of what was sent before has left.
  bool idle() const { return open_ && !blocked_ && !broken_; }

  /// When idle(): writes at once what goes, and the rest as soon as it can; `bytes` stays the
  /// caller's and unchanged until idle(). False: not a byte of it was written, nor will be.
  bool send(std::span<const char> bytes);

  std::uint64_t bytes_written() const { return bytes_written_; }

 private:
  void set_options(bool tcp, std::uint32_t user_timeout_ms);
  void connected();
  void shake_hands();
  void wait_readable();
  void wait_writable();
  void on_readable();
  void decrypt(std::span<const char> cipher);
  bool flush();
  std::span<const char> unsent() const;
  void fail(std::string why);
  void fail_later(std::string why);
  bool writable() const;

  boost::asio::io_context& io_;
  listener& owner_;
  protocol::socket socket_;
  std::optional<tls_session> tls_;
  std::uint64_t epoch_ = 0;  ///< of this connection: handlers of earlier ones do nothing
  bool open_ = false;
  bool shaking_hands_ = false;
  bool blocked_ = false;  ///< waits until the socket takes more
  bool broken_ = false;   ///< its end is known and about to be told
  std::span<const char> pending_;
  std::uint64_t bytes_written_ = 0;
  std::array<char, 16'384> cipher_, plain_;
};

}  // namespace sluice::redis
