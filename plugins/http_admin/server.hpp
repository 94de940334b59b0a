// Listens, keeps the connections within their limits, and sends the live stream.
#pragma once

#include "config.hpp"
#include "connection.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http_admin {

inline constexpr std::string_view example_port = "8080";  ///< in messages about `listen`

struct server_counts {
  std::uint64_t requests = 0;   ///< answered
  std::uint64_t refused = 0;    ///< for their token
  std::uint64_t cut = 0;        ///< ended by a limit of time or size
  std::uint64_t displaced = 0;  ///< closed to make room for another connection
};

class server final : public connection_owner, public pipeline_door {
 public:
  /// Throws std::runtime_error for an address or TLS files that cannot be used.
  server(const config& with, sluice::host host);

  /// Listens and says where. Throws std::runtime_error.
  void start();
  /// Runs a bounded number of handlers; waits for the first one for `wait` at most.
  void poll(duration wait);
  /// Any thread.
  void wake();
  void on_time(time_point now);
  time_point next() const;
  void close();

  std::uint16_t port() const { return port_; }
  std::size_t connections() const { return connections_.size(); }
  const server_counts& counts() const { return counts_; }

 private:
  answer respond(const request& asked) override;
  answer admit_live(const request& asked) override;
  void cut() override { ++counts_.cut; }
  std::optional<std::string> document(std::string_view what, std::uint64_t after) override;
  std::uint64_t command(std::string_view request) override;
  std::string token() override;
  void audit(std::string_view line) override;
  void refused(std::string_view line) override;

  void accept();
  void on_accepted(boost::asio::ip::tcp::socket socket);
  void make_room();
  void send_live(time_point now);
  void send_tap(connection& to, live_feed& feed);
  void sweep();

  config config_;
  sluice::host host_;
  connection_limits limits_;
  server_counts counts_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      io_.get_executor()};
  std::shared_ptr<boost::asio::ssl::context> tls_;
  boost::asio::ip::tcp::endpoint endpoint_;
  boost::asio::ip::tcp::acceptor acceptor_{io_};
  std::vector<std::shared_ptr<connection>> connections_;
  time_point live_at_{};
  time_point accept_at_ = never;  ///< after an accept that failed
  std::uint16_t port_ = 0;
};

}  // namespace sluice::http_admin
