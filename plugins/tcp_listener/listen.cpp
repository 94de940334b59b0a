#include "tcp_listener/listen.hpp"

#include <boost/asio/ip/v6_only.hpp>

#include <charconv>
#include <cstdint>
#include <stdexcept>

namespace sluice::tcp_listener {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

tcp::endpoint parse_endpoint(std::string_view text, std::string_view example_port) {
  const auto wrong = [&] {
    const std::string port{example_port};
    return std::runtime_error{"listen: \"" + std::string{text} +
                              "\" is not a numeric address and port like 127.0.0.1:" + port +
                              " or [::1]:" + port};
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) throw wrong();
  std::string_view address = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (bracketed) address = address.substr(1, address.size() - 2);
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  error_code error;
  const auto parsed = asio::ip::make_address(std::string{address}, error);
  if (problem != std::errc{} || end != digits.data() + digits.size() || error ||
      parsed.is_v6() != bracketed)
    throw wrong();
  return {parsed, port};
}

std::string name_of(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" +
         std::to_string(endpoint.port());
}

void open(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, std::string_view if_taken) {
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address{true}, error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only{true}, error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return;
  std::string why = "listen: cannot listen on " + name_of(endpoint) + ": " + error.message();
  if (error == asio::error::address_in_use) why.append("; ").append(if_taken);
  throw std::runtime_error{why};
}

}  // namespace sluice::tcp_listener
