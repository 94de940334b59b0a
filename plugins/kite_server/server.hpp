// The listener, its connections and the ticker they share, on one event loop that never has a
// thread or a timer of its own.
#pragma once

#include "config.hpp"
#include "connection.hpp"
#include "control.hpp"
#include "ticker.hpp"

#include <sluice/stage.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kite_server {

inline constexpr std::string_view example_port = "9010";  ///< in messages about `listen`

class server final : public connection_owner {
 public:
  /// Throws std::runtime_error for an address or TLS files that cannot be used.
  server(const config& with, sluice::host host);
  ~server() override;

  /// Listens and says where. Throws std::runtime_error.
  void start();
  /// False: not a packet.
  bool tick(kite::bytes_view packet, time_point now) { return ticker_.tick(packet, now); }
  void broadcast(std::string_view text, time_point now) { ticker_.broadcast(text, now); }
  /// Behind a batch: begins to write what is due.
  void send(time_point now);

  /// Runs a bounded number of handlers; waits for the first one for `wait` at most.
  void poll(duration wait);
  /// Any thread.
  void wake();
  void on_time(time_point now);
  time_point next() const;

  /// Stops listening and closes every client in order; true when none is left.
  bool close();

  std::uint16_t port() const { return port_; }
  const class ticker& ticker() const { return ticker_; }
  server_counts& counts() override { return counts_; }

 private:
  admission admit(std::string_view target) override;
  void connected(client& who) override;
  void text(client& from, std::string_view message) override;
  void gone(client& who) override { ticker_.disconnect(who); }
  http_answer control(std::string_view method, std::string_view target,
                      std::string_view body) override;

  void accept();
  void on_accepted(boost::asio::ip::tcp::socket socket);
  void announce();
  void misbehave(misbehaviour mode);
  void cut_all();
  bool token_accepted(std::string_view offered) const;
  void sweep();

  config config_;
  sluice::host host_;
  connection_limits limits_;
  server_counts counts_;
  class ticker ticker_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::shared_ptr<boost::asio::ssl::context> tls_;
  boost::asio::ip::tcp::endpoint endpoint_;
  boost::asio::ip::tcp::acceptor acceptor_{io_};
  std::vector<std::shared_ptr<connection>> connections_;
  std::string token_;  ///< set by POST /token, instead of the configured one
  misbehaviour mode_ = misbehaviour::none;
  time_point mode_until_ = never;
  time_point accept_at_ = never;  ///< after an accept that failed
  std::uint16_t port_ = 0;
};

}  // namespace sluice::kite_server
