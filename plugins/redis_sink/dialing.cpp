// How a link comes to its server: it asks a Sentinel where that is, if there are any, looks its
// name up, and tries each address.
#include "link.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::redis_sink {
namespace asio = boost::asio;

namespace {

/// Long for a network of one's own, short against a failover.
constexpr duration sentinel_patience = std::chrono::milliseconds{300};

/// Beyond the reply timeout, which finds a silent peer first; this is for the kernel's own sake.
std::uint32_t user_timeout_ms(duration timeout) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(2 * ms, 1'000, 600'000));
}

}  // namespace

void link::dial() {
  state_ = state::resolving;
  asking_ = false;
  moved_to_.reset();
  target_ = settings_.to.server;
  try {
    identity_ = {settings_.to.user, settings_.to.password, settings_.to.database.value_or(0),
                 settings_.client_name};
    if (settings_.password) identity_.password = host_.read(settings_.password);
    sentinel_identity_.user = settings_.sentinel_user;
    if (settings_.sentinel_password)
      sentinel_identity_.password = host_.read(settings_.sentinel_password);
    // Files are read at each attempt too: certificates are renewed.
    if (settings_.to.kind == transport_kind::tls) tls_.emplace(settings_.tls);
  } catch (const std::exception& exception) {
    return fail_attempt(SLUICE_CAUSE_CONNECTION, exception.what());
  }
  if (settings_.to.sentinels.empty()) return look_up();
  sentinels_said_.clear();
  ask_sentinel(0);
}

/// Each attempt asks anew: what a Sentinel said before the last connection may be out of date.
void link::ask_sentinel(std::size_t which) {
  asking_ = true;
  asked_ = which + 1;
  target_ = settings_.to.sentinels[which];
  look_up();
}

/// After one Sentinel was of no help. False when there is none left to ask.
bool link::ask_another(std::string_view why) {
  if (!sentinels_said_.empty()) sentinels_said_ += "; ";
  sentinels_said_.append("sentinel ").append(text_of(target_)).append(": ").append(why);
  if (asked_ >= settings_.to.sentinels.size()) return false;
  ask_sentinel(asked_);
  return true;
}

void link::told_by_sentinel(master_query::progress result) {
  if (result == master_query::progress::waiting) return;
  if (result == master_query::progress::failed)
    return fail_attempt(SLUICE_CAUSE_CONNECTION, query_.reason());
  transport_.close();
  sentinel_watch::sentinel heard{
      endpoints_[next_endpoint_ - 1], target_.host, sentinel_identity_, settings_.to.master, {}};
  if (settings_.to.kind == transport_kind::tls) heard.tls = settings_.tls;
  watch_->listen(std::move(heard));
  // One that answers is asked first the next time.
  const auto first = settings_.to.sentinels.begin();
  const auto helpful = first + static_cast<std::ptrdiff_t>(asked_ - 1);
  std::rotate(first, helpful, helpful + 1);
  asking_ = false;
  target_ = query_.master();
  look_up();
}

/// Only a hint: who is dialled then is what a Sentinel says when it is asked, and what ROLE says.
void link::hinted(const place& master) {
  if (state_ == state::closed) return;
  if (state_ == state::waiting) {
    due_ = host_.now();
    return;
  }
  moved_to_ = master;
  follow_hint();
}

void link::follow_hint() {
  if (!moved_to_ || state_ != state::live) return;
  if (*moved_to_ == target_) return moved_to_.reset();
  if (session_.in_flight() > 0) return;
  const std::string why = "a sentinel says that the master is " + text_of(*moved_to_) + " now";
  transport_.close();
  session_.lost(SLUICE_CAUSE_NONE, 0, host_.now());  // a ping at most
  dial();
  owner_.down(SLUICE_CAUSE_NONE, why, 0);
}

/// Of each step of connecting. A Sentinel that does not answer at once is passed over.
duration link::step_limit() const {
  return asking_ ? std::min(settings_.times.connect_timeout, sentinel_patience)
                 : settings_.times.connect_timeout;
}

void link::look_up() {
  state_ = state::resolving;
  due_ = host_.now() + step_limit();
  if (find_numeric()) return connect_next();
  if (resolver_ == nullptr)
    return fail_attempt(SLUICE_CAUSE_CONNECTION,
                        "this host cannot look up names: write a numeric address");
  // A lookup cannot be called off: one of an earlier attempt serves this one.
  std::uint64_t& ticket = lookups_[target_.host];
  if (ticket == 0) ticket = resolver_->begin(host_.raw(), borrow(target_.host));
}

bool link::find_numeric() {
  if (settings_.to.kind == transport_kind::unix_socket) {
    endpoints_ = {asio::local::stream_protocol::endpoint{settings_.to.path}};
  } else {
    boost::system::error_code error;
    const auto numeric = asio::ip::make_address(target_.host, error);
    if (error) return false;
    endpoints_ = {asio::ip::tcp::endpoint{numeric, target_.port}};
  }
  next_endpoint_ = 0;
  return true;
}

/// If they have come.
void link::take_addresses() {
  const auto lookup = lookups_.find(target_.host);
  if (lookup == lookups_.end()) return;
  char buffer[4096];
  sluice_text text{buffer, sizeof buffer, 0};
  const sluice_status status = resolver_->result(host_.raw(), lookup->second, &text);
  if (status == SLUICE_AGAIN) return;
  lookups_.erase(lookup);
  std::string_view rest{buffer, text.size};
  if (status != SLUICE_OK)
    return fail_attempt(SLUICE_CAUSE_CONNECTION, target_.host + ": " + std::string{rest});
  endpoints_.clear();
  next_endpoint_ = 0;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    boost::system::error_code error;
    const auto numeric = asio::ip::make_address(std::string{rest.substr(0, end)}, error);
    if (!error) endpoints_.push_back(asio::ip::tcp::endpoint{numeric, target_.port});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (endpoints_.empty())
    return fail_attempt(SLUICE_CAUSE_CONNECTION, target_.host + ": has no address");
  connect_next();
}

void link::connect_next() {
  state_ = state::connecting;
  due_ = host_.now() + step_limit();
  transport_.open(endpoints_[next_endpoint_++], tls_ ? &*tls_ : nullptr, target_.host,
                  user_timeout_ms(settings_.times.timeout));
}

}  // namespace sluice::redis_sink
