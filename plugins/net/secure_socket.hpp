// A connection, encrypted or not, as one type: what stands on it (the templates of Beast) is made
// once, and what it stands on (TLS, the socket) meets one kind of handler.
#pragma once

#include "any_handler.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::net {

/// An AsyncStream as Asio and Beast want it, for handlers that run on the socket's executor and
/// whose memory is an Allocator's. It stays where it was made.
template <typename Socket, typename Allocator = std::allocator<void>>
class secure_socket {
 public:
  using executor_type = typename Socket::executor_type;
  using lowest_layer_type = typename Socket::lowest_layer_type;
  using error_code = boost::system::error_code;

  /// `args` make the socket. `tls`, which outlives this, encrypts; null: nothing does.
  template <typename... Args>
  secure_socket(std::allocator_arg_t, const Allocator& allocator, boost::asio::ssl::context* tls,
                Args&&... args)
      : allocator_{allocator}, socket_{std::forward<Args>(args)...} {
    if (tls != nullptr) tls_.emplace(socket_, *tls);
  }
  template <typename... Args>
  explicit secure_socket(boost::asio::ssl::context* tls, Args&&... args)
      : secure_socket{std::allocator_arg, Allocator{}, tls, std::forward<Args>(args)...} {}
  secure_socket(const secure_socket&) = delete;
  secure_socket& operator=(const secure_socket&) = delete;

  executor_type get_executor() { return socket_.get_executor(); }
  lowest_layer_type& lowest_layer() { return socket_.lowest_layer(); }
  Socket& socket() { return socket_; }
  const Socket& socket() const { return socket_; }
  /// Null if it is not encrypted.
  boost::asio::ssl::stream<Socket&>* tls() { return tls_ ? &*tls_ : nullptr; }

  /// That of TLS, if it is encrypted.
  template <typename Token>
  auto async_handshake(boost::asio::ssl::stream_base::handshake_type side, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code)>(
        [this, side](auto handler) {
          handshake(side, {std::move(handler), allocator_});
        },
        token);
  }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& all) {
          read(buffer_list<boost::asio::mutable_buffer>{all}, {std::move(handler), allocator_});
        },
        token, buffers);
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& all) {
          write(buffer_list<boost::asio::const_buffer>{all}, {std::move(handler), allocator_});
        },
        token, buffers);
  }

  /// How a WebSocket ends the connection below it; found by Beast.
  template <typename Handler>
  friend void async_teardown(boost::beast::role_type role, secure_socket& of, Handler&& handler) {
    of.teardown(role, {std::forward<Handler>(handler), of.allocator_});
  }
  friend void beast_close_socket(secure_socket& of) {
    error_code ignored;
    of.lowest_layer().close(ignored);
  }

 private:
  using transferred = any_handler<Allocator, error_code, std::size_t>;

  /// The first buffers of a sequence: to read or write some, some will do.
  template <typename Buffer>
  class buffer_list {
   public:
    template <typename Buffers>
    explicit buffer_list(const Buffers& all) {
      const auto last = boost::asio::buffer_sequence_end(all);
      for (auto next = boost::asio::buffer_sequence_begin(all); next != last; ++next) {
        const Buffer buffer{*next};
        if (buffer.size() == 0) continue;
        if (count_ == buffers_.size()) break;
        buffers_[count_++] = buffer;
      }
    }
    const Buffer* begin() const { return buffers_.data(); }
    const Buffer* end() const { return buffers_.data() + count_; }

   private:
    std::array<Buffer, 8> buffers_;
    std::size_t count_ = 0;
  };

  void handshake(boost::asio::ssl::stream_base::handshake_type side,
                 any_handler<Allocator, error_code> handler) {
    if (tls_)
      tls_->async_handshake(side, std::move(handler));
    else
      boost::asio::post(get_executor(),
                        [handler = std::move(handler)]() mutable { handler(error_code{}); });
  }
  void read(const buffer_list<boost::asio::mutable_buffer>& into, transferred handler) {
    if (tls_)
      tls_->async_read_some(into, std::move(handler));
    else
      socket_.async_read_some(into, std::move(handler));
  }
  void write(const buffer_list<boost::asio::const_buffer>& from, transferred handler) {
    if (tls_)
      tls_->async_write_some(from, std::move(handler));
    else
      socket_.async_write_some(from, std::move(handler));
  }
  void teardown(boost::beast::role_type role, any_handler<Allocator, error_code> handler) {
    using boost::beast::websocket::async_teardown;
    if (tls_)
      async_teardown(role, *tls_, std::move(handler));
    else
      async_teardown(role, socket_, std::move(handler));
  }

  [[no_unique_address]] Allocator allocator_;
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
};

}  // namespace sluice::net
