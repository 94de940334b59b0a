#include "feed_socket.hpp"

#include "moments.hpp"

#include <kite/text.hpp>

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace sluice::kite_source {
namespace {

std::vector<std::uint32_t> tokens_of(const std::vector<wanted>& instruments) {
  std::vector<std::uint32_t> made;
  for (const wanted& one : instruments) made.push_back(one.token);
  return made;
}

/// A secret's file may end in a line feed.
std::string trimmed(const std::string& text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> made;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end != 0) made.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return made;
}

}  // namespace

feed::feed(host of, feed_settings with, std::span<const std::uint32_t> watch, std::uint64_t seed)
    : to{of},
      settings{std::move(with)},
      count{of},
      gate{settings.rules, seed},
      net{settings.transport},
      records{of, count, watch} {}

feed_socket::feed_socket(feed& shared, std::size_t number, const std::vector<wanted>& instruments,
                         std::string sample)
    : shared_{shared},
      number_{number},
      instruments_{instruments.size()},
      sample_{std::move(sample)},
      subscribe_{subscribe_messages(instruments)},
      snapshots_{tokens_of(instruments)},
      session_{shared.settings.rules, shared.gate} {}

void feed_socket::event(std::string_view kind, std::string_view what) const {
  shared_.to.event(kind, "socket " + std::to_string(number_) + ": " + std::string{what});
}

void feed_socket::alert(std::string_view kind, std::string_view what) const {
  shared_.to.alert(kind, "socket " + std::to_string(number_) + ": " + std::string{what});
}

std::string feed_socket::safe(std::string_view text) const { return shared_.hide.safe(text); }

std::string feed_socket::retry_text(time_point now) const {
  const time_point when = session_.deadline(now);
  return when == never ? ", next dial after another socket's"
                       : ", next dial in " + seconds_text(when - now);
}

void feed_socket::advance(time_point now) {
  const state before = session_.now_in();
  switch (session_.tick(now, shared_.settings.hours.open(shared_.to.unix_time()))) {
    case step::none: break;
    case step::read_token: read_token_and_dial(now); break;
    case step::dial_timeout:
      connection_.reset();
      target_.clear();
      alert("dial_failed", "no answer within " +
                               seconds_text(shared_.settings.rules.connect_timeout) +
                               retry_text(now));
      break;
    case step::ping: connection_->ping(); break;
    case step::silent:
      abort(now, meter::silences,
            "not even a heartbeat or a ping for " + seconds_text(shared_.settings.rules.silence));
      break;
    case step::stalled:
      abort(
          now, meter::stalls,
          "only heartbeats for " + seconds_text(shared_.settings.rules.stall) + " in market hours");
      break;
    case step::stalled_again:
      shared_.count[meter::stalls] += 1;
      alert("stalled", "still only heartbeats after a redial; is it a holiday?");
      break;
  }
  if (session_.now_in() != before) shared_.changed = true;
  if (session_.gap_open()) tell_gap(now);
}

void feed_socket::read_token_and_dial(time_point now) {
  const state before = session_.now_in();
  std::string key, token;
  try {
    key = trimmed(shared_.to.read(shared_.settings.api_key));
    token = trimmed(shared_.to.read(shared_.settings.access_token));
  } catch (const std::runtime_error& missing) {
    return wait_for_token(now, before, missing.what());
  }
  if (key.empty() || token.empty())
    return wait_for_token(now, before, key.empty() ? "api_key is empty" : "access_token is empty");
  if (!session_.token(now, std::hash<std::string>{}(key + '\0' + token))) {
    if (before != state::auth_wait)
      alert("auth_wait", "the access token is the one that was refused: waiting for another");
    return;
  }

  shared_.hide.add(key);
  shared_.hide.add(token);
  shared_.count[meter::dials] += 1;
  ++dials_;
  target_ = target_of(shared_.settings.server, key, token);
  if (numeric_address(shared_.settings.server.host))
    return dial_now({shared_.settings.server.host});
  // A lookup of an earlier dial may still be under way: its answer is as good.
  if (lookup_ == 0)
    lookup_ = shared_.resolver()->begin(shared_.to.raw(), borrow(shared_.settings.server.host));
  check_lookup(now);
}

void feed_socket::wait_for_token(time_point now, state before, const std::string& why) {
  session_.wait_for_token(now);
  if (before != state::auth_wait) alert("auth_wait", why + ": waiting for a token");
}

void feed_socket::check_lookup(time_point now) {
  if (lookup_ == 0) return;
  char buffer[4096];
  sluice_text out{buffer, sizeof buffer, 0};
  const sluice_status status = shared_.resolver()->result(shared_.to.raw(), lookup_, &out);
  if (status == SLUICE_AGAIN) return;
  lookup_ = 0;
  if (target_.empty()) return;  // that dial timed out
  const std::string text{buffer, out.size};
  std::vector<std::string> addresses = lines_of(text);
  if (status != SLUICE_OK || addresses.empty())
    return dial_ended(now, {0, "cannot look up " + shared_.settings.server.host + ": " + text});
  // Each dial begins with another address: a dead one must not take every dial's time.
  const auto first = static_cast<std::ptrdiff_t>(dials_ % addresses.size());
  std::rotate(addresses.begin(), addresses.begin() + first, addresses.end());
  dial_now(std::move(addresses));
}

void feed_socket::dial_now(std::vector<std::string> addresses) {
  connection_ = shared_.net.open({shared_.settings.server, std::move(addresses), target_}, *this);
  target_.clear();
}

void feed_socket::on_open() {
  const time_point now = shared_.to.now();
  session_.opened(now);
  shared_.changed = true;
  snapshots_.opened(now, shared_.to.unix_time());
  for (const std::string& message : subscribe_) connection_->send(message);
  const std::string what = std::to_string(instruments_) + " instruments subscribed";
  if (!lost_at_) return event("connected", what);
  shared_.count[meter::reconnects] += 1;
  event("reconnect", "back after " + seconds_text(now - *lost_at_) + ", " + what);
  lost_at_.reset();
}

void feed_socket::on_message(std::span<const std::uint8_t> message, bool text) {
  if (!session_.open()) return;
  const time_point now = shared_.to.now();
  shared_.reader.away(now);
  session_.frame(now);
  if (text) return on_text({reinterpret_cast<const char*>(message.data()), message.size()}, now);
  const arrived found = shared_.records.binary(message, snapshots_, now);
  if (found.ticks == 0) return;
  if (session_.ticks(now, found.fresh)) event("recovered", "ticks come again");
  if (session_.gap_open()) tell_gap(now);
}

void feed_socket::on_text(std::string_view text, time_point now) {
  shared_.count[meter::bytes] += static_cast<double>(text.size());
  const kite::server_text said = kite::parse_server_text(text);
  switch (said.kind) {
    case kite::text_kind::order:
      if (shared_.settings.orders) shared_.records.order(said.data, now);
      break;
    case kite::text_kind::error:
      shared_.count[meter::server_errors] += 1;
      if (shared_.server_events.take(now)) alert("server_error", safe(said.data));
      break;
    case kite::text_kind::message:
      shared_.count[meter::server_notices] += 1;
      if (shared_.server_events.take(now)) event("server_notice", safe(said.data));
      break;
    case kite::text_kind::instruments_meta:
      if (!shared_.instruments_meta.empty() && shared_.instruments_meta != said.data)
        event("instruments_changed",
              "the broker's instruments file is another: " + safe(said.data));
      shared_.instruments_meta = said.data;
      break;
    case kite::text_kind::app_code: break;
    case kite::text_kind::other: shared_.count[meter::texts_unknown] += 1; break;
    case kite::text_kind::malformed:
      shared_.count[meter::texts_malformed] += 1;
      shared_.to.discard(reason::malformed, 1);
      break;
  }
}

void feed_socket::on_end(const ending& how) {
  connection_.reset();
  const time_point now = shared_.to.now();
  if (session_.now_in() == state::stopped) return;
  shared_.changed = true;
  if (!session_.open()) return dial_ended(now, how);
  session_.lost(now);
  lost_at_ = now;
  shared_.count[meter::disconnects] += 1;
  alert("disconnect", safe(how.what) + retry_text(now));
}

void feed_socket::abort(time_point now, meter of, const std::string& why) {
  connection_.reset();
  lost_at_ = now;
  shared_.count[meter::disconnects] += 1;
  shared_.count[of] += 1;
  alert("disconnect", why + retry_text(now));
}

void feed_socket::dial_ended(time_point now, const ending& how) {
  target_.clear();
  shared_.changed = true;
  const std::string said = safe(how.what);
  if (how.status == 0) {
    session_.lost(now);
    return alert("dial_failed", said + retry_text(now));
  }
  session_.refused(now, how.status);
  const std::string answer =
      "HTTP " + std::to_string(how.status) + (said.empty() ? "" : " '" + said + "'");
  switch (how.status) {
    case 401:
    case 403:
      shared_.count[meter::token_refusals] += 1;
      return alert("token_refused", answer + ": no dial until there is a new access token");
    case 429:
      shared_.count[meter::rate_limits] += 1;
      return alert("rate_limited", answer + ": the key has too many connections" + retry_text(now));
    case 400:
      shared_.refusal = answer;
      shared_.to.signal("feed", level::critical, "refused with " + answer);
      return alert("stopped", answer +
                                  ": the server calls the request malformed; correct url, "
                                  "api_key or access_token and start again");
    default: return alert("dial_failed", answer + retry_text(now));
  }
}

void feed_socket::tell_gap(time_point now) {
  const std::optional<gap> found = session_.take_gap(now);
  if (!found) return;
  shared_.count[meter::gaps] += 1;
  shared_.count[meter::gap_seconds] += seconds_of(found->to - found->from);
  alert("gap", missed(found->from, found->to, now));
}

std::string feed_socket::missed(time_point from, time_point to, time_point now) const {
  const duration unix_now = shared_.to.unix_time();
  std::string made = "nothing received for " + seconds_text(to - from) + ", from " +
                     utc_text(unix_now - (now - from)) + " to " + utc_text(unix_now - (now - to)) +
                     ": " + std::to_string(instruments_) + " instruments (" + sample_ + ")";
  if (shared_.settings.orders) made += "; read the order book for order updates of that time";
  return made;
}

void feed_socket::close(time_point now) {
  target_.clear();
  const bool was_open = session_.open();
  session_.stop();
  // A gap that was there before the end; the end itself is none.
  if (const auto from = session_.gap_from(); from && !was_open)
    alert("gap", missed(*from, now, now) + "; not over when the source ended");
  if (was_open)
    connection_->close();
  else
    connection_.reset();
}

}  // namespace sluice::kite_source
