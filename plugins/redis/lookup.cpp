#include "lookup.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice::redis {
namespace ip = boost::asio::ip;

lookup::lookup(host host)
    : host_{host}, resolver_{host.extension<sluice_resolver>(SLUICE_EXT_RESOLVER)} {}

lookup::progress lookup::begin(const place& of) {
  of_ = of;
  endpoints_.clear();
  boost::system::error_code error;
  const auto numeric = ip::make_address(of.host, error);
  if (!error) {
    endpoints_.push_back(ip::tcp::endpoint{numeric, of.port});
    return progress::found;
  }
  if (resolver_ == nullptr) return fail("this host cannot look up names: write a numeric address");
  // A lookup cannot be called off: one of an earlier attempt serves this one.
  std::uint64_t& ticket = tickets_[of.host];
  if (ticket == 0) ticket = resolver_->begin(host_.raw(), borrow(of_.host));
  return progress::waiting;
}

lookup::progress lookup::poll() {
  const auto ticket = tickets_.find(of_.host);
  if (ticket == tickets_.end()) return progress::waiting;
  char buffer[4096];
  sluice_text text{buffer, sizeof buffer, 0};
  const sluice_status status = resolver_->result(host_.raw(), ticket->second, &text);
  if (status == SLUICE_AGAIN) return progress::waiting;
  tickets_.erase(ticket);
  std::string_view rest{buffer, text.size};
  if (status != SLUICE_OK) return fail(of_.host + ": " + std::string{rest});
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    boost::system::error_code error;
    const auto numeric = ip::make_address(std::string{rest.substr(0, end)}, error);
    if (!error) endpoints_.push_back(ip::tcp::endpoint{numeric, of_.port});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return endpoints_.empty() ? fail(of_.host + ": has no address") : progress::found;
}

lookup::progress lookup::fail(std::string reason) {
  reason_ = std::move(reason);
  return progress::failed;
}

}  // namespace sluice::redis
