#include "connection.hpp"

#include "within.hpp"

#include <boost/asio/local/stream_protocol.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::redis {
namespace {

/// Long for a network of one's own, short against a failover.
constexpr duration sentinel_patience = std::chrono::milliseconds{300};

/// Beyond the reply timeout, which finds a silent peer first; this is for the kernel's own sake.
std::uint32_t user_timeout_ms(duration timeout) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(2 * ms, 1'000, 600'000));
}

}  // namespace

connection::connection(boost::asio::io_context& io, host host, connection_settings settings,
                       user& told)
    : host_{host},
      settings_{std::move(settings)},
      user_{told},
      transport_{io, *this},
      lookup_{host} {
  if (!settings_.to.sentinels.empty())
    watch_ = std::make_unique<sentinel_watch>(io, host, [this](const place& master) {
      hint_ = master;
      user_.hinted();
    });
}

void connection::set(duration step_limit, duration reply_timeout) {
  settings_.step_limit = step_limit;
  settings_.reply_timeout = reply_timeout;
}

void connection::hang_up() {
  state_ = state::closed;
  due_ = never;
  asking_ = false;
  target_ = {};
  transport_.close();
}

void connection::close() {
  hang_up();
  if (watch_) watch_->close();
}

void connection::dial() {
  hang_up();
  hint_.reset();
  target_ = settings_.to.server;
  try {
    sentinel_identity_.user = settings_.sentinel_user;
    if (settings_.sentinel_password)
      sentinel_identity_.password = host_.read(settings_.sentinel_password);
    // Files are read at each attempt too: certificates are renewed.
    if (settings_.to.kind == transport_kind::tls) tls_.emplace(settings_.tls);
  } catch (const std::exception& exception) {
    return fail(SLUICE_CAUSE_CONNECTION, exception.what());
  }
  if (settings_.to.kind == transport_kind::unix_socket)
    return connect({boost::asio::local::stream_protocol::endpoint{settings_.to.path}});
  if (settings_.to.sentinels.empty()) return look_up();
  sentinels_said_.clear();
  ask_sentinel(0);
}

// --- the Sentinels ------------------------------------------------------------------------------

void connection::ask_sentinel(std::size_t which) {
  asking_ = true;
  asked_ = which + 1;
  target_ = settings_.to.sentinels[which];
  look_up();
}

/// After one Sentinel was of no help. False when there is none left to ask.
bool connection::ask_another(std::string_view why) {
  if (!sentinels_said_.empty()) sentinels_said_ += "; ";
  sentinels_said_.append("sentinel ").append(text_of(target_)).append(": ").append(why);
  if (asked_ >= settings_.to.sentinels.size()) return false;
  ask_sentinel(asked_);
  return true;
}

void connection::told_by_sentinel(master_query::progress result) {
  if (result == master_query::progress::waiting) return;
  if (result == master_query::progress::failed)
    return fail(SLUICE_CAUSE_CONNECTION, query_.reason());
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

// --- to be connected ----------------------------------------------------------------------------

/// A Sentinel that does not answer at once is passed over.
duration connection::step_limit() const {
  return asking_ ? std::min(settings_.step_limit, sentinel_patience) : settings_.step_limit;
}

void connection::look_up() {
  state_ = state::resolving;
  due_ = host_.now() + step_limit();
  switch (lookup_.begin(target_)) {
    case lookup::progress::waiting: return;
    case lookup::progress::found: return connect(lookup_.endpoints());
    case lookup::progress::failed: return fail(SLUICE_CAUSE_CONNECTION, lookup_.reason());
  }
}

void connection::poll() {
  if (state_ != state::resolving) return;
  const lookup::progress result = lookup_.poll();
  if (result == lookup::progress::found) return connect(lookup_.endpoints());
  if (result == lookup::progress::failed) fail(SLUICE_CAUSE_CONNECTION, lookup_.reason());
}

void connection::connect(std::vector<lookup::endpoint> to) {
  endpoints_ = std::move(to);
  next_endpoint_ = 0;
  connect_next();
}

void connection::connect_next() {
  state_ = state::connecting;
  due_ = host_.now() + step_limit();
  transport_.open(endpoints_[next_endpoint_++], tls_ ? &*tls_ : nullptr, target_.host,
                  user_timeout_ms(settings_.reply_timeout));
}

void connection::opened() {
  if (!asking_) {
    state_ = state::open;
    due_ = never;
    return user_.opened();
  }
  state_ = state::asking;
  out_.clear();
  query_.ask(sentinel_identity_, settings_.to.master, out_);
  if (!transport_.send(out_)) fail(SLUICE_CAUSE_CONNECTION, "the greeting could not be written");
}

void connection::received(std::span<const char> bytes) {
  if (asking_) return told_by_sentinel(query_.feed(bytes));
  user_.received(bytes);
}

void connection::closed(std::string_view why) {
  if (state_ == state::connecting && next_endpoint_ < endpoints_.size()) return connect_next();
  if (state_ != state::open) return fail(SLUICE_CAUSE_CONNECTION, why);
  state_ = state::closed;
  user_.closed(why);
}

void connection::fail(std::uint32_t cause, std::string_view why) {
  std::string reason{why};
  transport_.close();
  if (asking_) {
    if (ask_another(reason)) return;
    reason = "no sentinel told where the master `" + settings_.to.master + "` is: ";
    reason += sentinels_said_;
  } else if (!master().empty()) {
    reason = master() + ": " + reason;
  }
  hang_up();
  user_.failed(cause, reason);
}

time_point connection::deadline() const {
  return watch_ ? std::min(due_, watch_->deadline()) : due_;
}

void connection::on_timer(time_point now) {
  if (watch_) watch_->on_timer(now);
  if (now < due_) return;
  switch (state_) {
    case state::resolving:
      return fail(SLUICE_CAUSE_TIMEOUT, within("no address for " + target_.host, step_limit()));
    case state::connecting:
      transport_.close();
      return closed(within("no connection", step_limit()));
    case state::asking:
      return fail(SLUICE_CAUSE_TIMEOUT, within("no answer to the greeting", step_limit()));
    case state::closed:
    case state::open: return;
  }
}

std::string connection::master() const {
  const bool known = !settings_.to.sentinels.empty() && !asking_ && !target_.host.empty();
  return known ? "the master at " + text_of(target_) : "";
}

std::string connection::address() const {
  const auto& server = endpoints_[next_endpoint_ - 1];
  return {reinterpret_cast<const char*>(server.data()), server.size()};
}

}  // namespace sluice::redis
