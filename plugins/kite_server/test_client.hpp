// Clients for the tests: a WebSocket one and one of raw bytes, both without a thread.
#pragma once

#include <net/secure_socket.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace sluice::kite_server {

/// Connects at once; `poll` runs what is ready, and is to be called until something shows.
class websocket_client {
 public:
  using error_code = boost::system::error_code;

  websocket_client(std::uint16_t port, std::string target, boost::asio::ssl::context* tls = nullptr)
      : target_{std::move(target)}, stream_{tls, io_} {
    const boost::asio::ip::tcp::endpoint server{boost::asio::ip::address_v4::loopback(), port};
    stream_.control_callback(
        [this](boost::beast::websocket::frame_type kind, boost::beast::string_view) {
          if (kind == boost::beast::websocket::frame_type::pong) ++pongs;
          if (kind == boost::beast::websocket::frame_type::ping) ++pings;
        });
    stream_.next_layer().socket().async_connect(server, [this](error_code why) {
      if (why) return end(why);
      shake_tls();
    });
  }

  void poll() {
    io_.restart();
    while (io_.poll_one() != 0) continue;
  }
  void send(std::string text) {
    outgoing_.push_back(std::move(text));
    if (outgoing_.size() == 1) write();
  }
  void ping() {
    stream_.async_ping({}, [](error_code) {});
  }
  void read_on() { read(); }

  bool open = false, ended = false;
  unsigned refused = 0;  ///< the HTTP status, if it was not 101
  error_code error;      ///< of the end
  int pongs = 0, pings = 0;
  bool paused = false;  ///< read no more
  std::vector<std::string> texts;
  std::vector<std::vector<std::uint8_t>> frames;
  std::uint16_t close_code() const { return stream_.reason().code; }

 private:
  void shake_tls() {
    stream_.next_layer().async_handshake(boost::asio::ssl::stream_base::client,
                                         [this](error_code why) {
                                           if (why) return end(why);
                                           upgrade();
                                         });
  }
  void upgrade() {
    stream_.async_handshake(response_, "127.0.0.1", target_, [this](error_code why) {
      if (why) {
        refused = response_.result_int();
        return end(why);
      }
      open = true;
      read();
    });
  }
  void read() {
    stream_.async_read(buffer_, [this](error_code why, std::size_t) {
      if (why) return end(why);
      const auto* data = static_cast<const std::uint8_t*>(buffer_.cdata().data());
      if (stream_.got_text())
        texts.emplace_back(data, data + buffer_.size());
      else
        frames.emplace_back(data, data + buffer_.size());
      buffer_.consume(buffer_.size());
      if (!paused) read();
    });
  }
  void write() {
    stream_.async_write(boost::asio::buffer(outgoing_.front()),
                        [this](error_code why, std::size_t) {
                          if (why) return;
                          outgoing_.pop_front();
                          if (!outgoing_.empty()) write();
                        });
  }
  void end(error_code why) {
    ended = true;
    error = why;
  }

  boost::asio::io_context io_{1};
  std::string target_;
  boost::beast::websocket::response_type response_;
  boost::beast::flat_buffer buffer_;
  std::deque<std::string> outgoing_;
  boost::beast::websocket::stream<net::secure_socket<boost::asio::ip::tcp::socket>, false> stream_;
};

/// Sends bytes and collects what comes until the other side closes.
class raw_client {
 public:
  raw_client(std::uint16_t port, std::string request) : request_{std::move(request)} {
    socket_.connect({boost::asio::ip::address_v4::loopback(), port});
    boost::asio::async_write(socket_, boost::asio::buffer(request_),
                             [](boost::system::error_code, std::size_t) {});
    read();
  }
  void poll() {
    io_.restart();
    while (io_.poll_one() != 0) continue;
  }

  bool ended = false;
  std::string answer;

 private:
  void read() {
    socket_.async_read_some(boost::asio::buffer(chunk_),
                            [this](boost::system::error_code error, std::size_t size) {
                              answer.append(chunk_.data(), size);
                              if (error)
                                ended = true;
                              else
                                read();
                            });
  }

  boost::asio::io_context io_{1};
  boost::asio::ip::tcp::socket socket_{io_};
  std::string request_;
  std::array<char, 4'096> chunk_{};
};

}  // namespace sluice::kite_server
