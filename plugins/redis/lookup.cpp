#include "lookup.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice::redis {
namespace ip = boost::asio::ip;

namespace {
constexpr duration fresh_for = std::chrono::seconds{10};
}  // namespace

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
  // A lookup cannot be called off: one of the attempt before serves this one.
  forget_old_answer();
  ticket& its = tickets_[of_.host];
  if (its.number == 0) its = {resolver_->begin(host_.raw(), borrow(of_.host)), host_.now()};
  return progress::waiting;
}

/// That no attempt waited for: it says where the server was then.
void lookup::forget_old_answer() {
  const auto old = tickets_.find(of_.host);
  if (old == tickets_.end() || host_.now() - old->second.begun <= fresh_for) return;
  std::string answer;
  if (result_of(old->second, answer) != SLUICE_AGAIN) tickets_.erase(old);
}

sluice_status lookup::result_of(const ticket& which, std::string& answer) const {
  char buffer[4096];
  sluice_text text{buffer, sizeof buffer, 0};
  const sluice_status status = resolver_->result(host_.raw(), which.number, &text);
  answer.assign(buffer, text.size);
  return status;
}

lookup::progress lookup::poll() {
  const auto its = tickets_.find(of_.host);
  if (its == tickets_.end()) return progress::waiting;
  std::string answer;
  const sluice_status status = result_of(its->second, answer);
  if (status == SLUICE_AGAIN) return progress::waiting;
  tickets_.erase(its);
  if (status != SLUICE_OK) return fail(of_.host + ": " + answer);
  std::string_view rest{answer};
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
