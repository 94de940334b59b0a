// An address and port that are listened on.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <string_view>

namespace sluice::tcp_listener {

/// "127.0.0.1:8080", "[::1]:8080"; `example_port` is what its message shows. Throws
/// std::runtime_error "listen: what is allowed".
boost::asio::ip::tcp::endpoint parse_endpoint(std::string_view text, std::string_view example_port);

/// As parse_endpoint reads it.
std::string name_of(const boost::asio::ip::tcp::endpoint& endpoint);

/// Listens. Throws std::runtime_error "listen: why not"; `if_taken` says what can be done about a
/// port that somebody else listens on.
void open(boost::asio::ip::tcp::acceptor& acceptor, const boost::asio::ip::tcp::endpoint& endpoint,
          std::string_view if_taken);

}  // namespace sluice::tcp_listener
