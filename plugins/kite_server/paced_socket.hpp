// A TCP socket whose sending can be slowed to a drip or swallowed, below TLS and WebSocket, so that
// what they send of their own (pongs, close frames) is slowed and swallowed too.
#pragma once

#include <sluice/stage.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/core/buffers_prefix.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <algorithm>
#include <memory>
#include <utility>

namespace sluice::kite_server {

class paced_socket {
 public:
  using socket_type = boost::asio::ip::tcp::socket;
  using executor_type = socket_type::executor_type;
  using lowest_layer_type = socket_type::lowest_layer_type;
  using error_code = boost::system::error_code;

  paced_socket(socket_type&& socket, sluice::host host) : socket_{std::move(socket)}, host_{host} {}

  executor_type get_executor() { return socket_.get_executor(); }
  lowest_layer_type& lowest_layer() { return socket_.lowest_layer(); }
  const lowest_layer_type& lowest_layer() const { return socket_.lowest_layer(); }
  socket_type& socket() { return socket_; }

  /// Everything written from now on is forgotten, and reported as sent.
  void swallow(bool on) { swallows_ = on; }
  /// Bytes a second, 0: all there are.
  void drip(std::uint32_t bytes_per_second) { rate_ = bytes_per_second; }
  /// When on_time has something to do; `never` while no write is held back.
  time_point next() const { return held_ == nullptr ? never : resume_at_; }
  void on_time(time_point now) {
    if (held_ != nullptr && (resume_at_ <= now || rate_ == 0)) std::exchange(held_, {})->complete();
  }
  /// Closes it with a TCP reset; a write held back ends with an error.
  void reset() {
    error_code ignored;
    socket_.set_option(boost::asio::socket_base::linger{true, 0}, ignored);
    close();
  }
  void close() {
    error_code ignored;
    socket_.close(ignored);
    if (held_ == nullptr) return;
    held_->error = boost::asio::error::operation_aborted;
    boost::asio::post(get_executor(), [held = std::move(held_)] { held->complete(); });
  }

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return socket_.async_read_some(buffers, std::forward<Token>(token));
  }

  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& all) { write(all, std::move(handler)); }, token,
        buffers);
  }

 private:
  static constexpr int slices_per_second = 20;

  struct held_write {
    error_code error{};
    virtual ~held_write() = default;
    virtual void complete() = 0;
  };
  template <typename Handler>
  struct held_handler final : held_write {
    Handler handler;
    std::size_t written;
    held_handler(Handler&& given, std::size_t bytes) : handler{std::move(given)}, written{bytes} {}
    void complete() override { std::move(handler)(error, written); }
  };

  template <typename Buffers, typename Handler>
  void write(const Buffers& all, Handler handler) {
    if (swallows_) {
      boost::asio::post(get_executor(), boost::beast::bind_handler(std::move(handler), error_code{},
                                                                   boost::asio::buffer_size(all)));
    } else if (rate_ == 0) {
      socket_.async_write_some(all, std::move(handler));
    } else {
      const std::size_t slice = std::max<std::size_t>(rate_ / slices_per_second, 1);
      const duration pause = std::chrono::nanoseconds{std::chrono::seconds{1}} *
                             static_cast<std::int64_t>(slice) / rate_;
      socket_.async_write_some(
          boost::beast::buffers_prefix(slice, all),
          [this, pause, handler = std::move(handler)](error_code why, std::size_t bytes) mutable {
            if (why) return std::move(handler)(why, bytes);
            resume_at_ = host_.now() + pause;
            held_ = std::make_unique<held_handler<Handler>>(std::move(handler), bytes);
          });
    }
  }

  socket_type socket_;
  sluice::host host_;
  bool swallows_ = false;
  std::uint32_t rate_ = 0;
  std::unique_ptr<held_write> held_;
  time_point resume_at_ = never;
};

/// Found by Beast when a WebSocket closes, or must be closed.
inline void beast_close_socket(paced_socket& socket) { socket.close(); }

/// As above.
template <typename Handler>
void async_teardown(boost::beast::role_type role, paced_socket& socket, Handler&& handler) {
  boost::beast::websocket::async_teardown(role, socket.socket(), std::forward<Handler>(handler));
}

}  // namespace sluice::kite_server
