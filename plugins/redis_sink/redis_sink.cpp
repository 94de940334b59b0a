#include "redis_sink.hpp"

#include "resending.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

namespace sluice::redis_sink {
namespace {

using namespace std::chrono_literals;

constexpr duration refusal_event_interval = 10s;
constexpr duration longest_wait = 1h;  ///< keeps asio's arithmetic from overflowing
constexpr int handlers_per_poll = 16;

/// A wrong file is a configuration error: said now, not at each attempt to connect.
link_settings checked(link_settings made) {
  if (made.to.kind == transport_kind::tls) tls_context{made.tls};
  return made;
}

/// The commands it sends, for people.
std::string commands_of(const config& settings) {
  std::string names = settings.mode == send_mode::stream ? "XADD" : "PUBLISH";
  if (settings.mode == send_mode::both) names += " or XADD";
  if (!settings.last_value.empty()) names += " or SET";
  return names;
}

/// What a person can do about an error that time does not heal.
std::string_view remedy(std::string_view error) {
  if (error.starts_with("NOPERM"))
    return ": the user needs the command (+publish, +spublish, +xadd, +set) and, as a pattern, the "
           "beginning of its channel or key";
  if (error.starts_with("WRONGTYPE")) return ": the key holds something else";
  if (error.starts_with("NOAUTH")) return ": a user and a password are needed";
  return "";
}

}  // namespace

sink::sink(const config& settings, host host)
    : sink{settings, host, checked(link_settings_of(settings, host))} {}

sink::sink(const config& settings, host host, link_settings to)
    : host_{host},
      commands_{commands_of(settings)},
      shards_{settings.mode != send_mode::stream ? settings.sharded : sharding::no},
      sends_again_{settings.retry == retrying::at_least_once},
      batching_{settings.batch, settings.interval, settings.window},
      timeout_{settings.timeout},
      place_{masked(to.to)},
      encoder_{settings, host},
      meters_{host},
      buffers_{settings.reader_check == 0ns
                   ? nullptr
                   : std::make_unique<buffer_watch>(io_, host, to, settings.reader_check)},
      route_{route_to(std::move(to))} {
  if (settings.window_control == window_rule::fixed) return;
  window_.emplace(settings.window);
  batching_.window = window_->limit();
}

std::unique_ptr<route> sink::route_to(link_settings to) {
  route::listener& owner = *this;
  if (!to.to.seeds.empty())
    return std::make_unique<cluster>(io_, host_, std::move(to), shards_, sends_again_, owner);
  if (sends_again_) return std::make_unique<resending>(io_, host_, std::move(to), owner);
  return std::make_unique<link>(io_, host_, std::move(to), owner);
}

void sink::start() {
  route_->start();
  if (buffers_) buffers_->start();
  settle();
}

std::uint32_t sink::ready(std::uint32_t queued, duration oldest) {
  if (took_over_) [[unlikely]] {
    took_over_ = false;
    route_->poll();
    settle();
  }
  if (!route_->can_send()) return 0;
  const batching::decision decision = batching_.decide(queued, oldest, route_->in_flight());
  if (decision.take == 0 && decision.wait > 0ns) arm(host_.now() + decision.wait);
  return decision.take;
}

void sink::process(batch& records) {
  if (!route_->can_send() || route_->in_flight() >= batching_.window) {
    for (const record& each : records) records.give_back(each);
    return;
  }
  encoder_.encode(records, *route_);
  if (encoder_.commands().count() == 0) return;
  const bool sent = route_->send(encoder_.commands(), records.call(), host_.now());
  if (window_) window_->sent(route_->in_flight());
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    if (!encoder_.holds(i)) continue;
    if (sent)
      records.pending(records[i]);
    else
      records.give_back(records[i]);
  }
  settle();
}

void sink::on_timer(time_point now) {
  armed_ = never;
  // First what has come: an answer that waits in the socket is not overdue.
  poll(0ns);
  route_->on_timer(std::max(now, host_.now()));
  if (buffers_) buffers_->on_timer(std::max(now, host_.now()));
  settle();
}

void sink::poll(duration wait) {
  if (io_.stopped()) io_.restart();
  std::size_t ran = wait > 0ns ? io_.run_one_for(std::min(wait, longest_wait)) : io_.poll_one();
  for (int i = 1; ran != 0 && i < handlers_per_poll; ++i) ran = io_.poll_one();
  route_->poll();
  if (buffers_) buffers_->poll();
  settle();
}

bool sink::drain(time_point) {
  if (route_->in_flight() > 0) return false;
  route_->close();
  if (buffers_) buffers_->close();
  settle();
  return true;
}

void sink::reconfigure(const config& settings) {
  batching_ = {settings.batch, settings.interval, settings.window};
  timeout_ = settings.timeout;
  if (window_) {
    window_->set_most(settings.window);
    batching_.window = window_->limit();
  }
  encoder_.set_message_max(settings.message_max.bytes);
  route_->set(link_times_of(settings));
  if (buffers_) buffers_->set(link_times_of(settings));
  settle();
}

/// What is unanswered at a swap may still be on its way, and would come behind what the next one
/// publishes: that ends these connections before it does.
void sink::save(state_writer& out) const {
  const std::vector<connection_mark> all = route_->unfinished();
  out.put(static_cast<std::uint32_t>(all.size()));
  for (const connection_mark& each : all) {
    out.put(each.server);
    out.put(each.client.id);
    out.put(each.client.address);
  }
}

void sink::load(state_reader& in) {
  constexpr std::size_t least = 4 + 8 + 4;
  std::vector<connection_mark> all(in.size(least));
  for (connection_mark& each : all) {
    each.server = in.get<std::string>();
    each.client.id = in.get<std::uint64_t>();
    each.client.address = in.get<std::string>();
  }
  if (!in.at_end()) throw std::runtime_error{"the state goes on behind its end"};
  route_->end_first(all);
  took_over_ = true;
}

/// After anything that may have changed the link.
void sink::settle() {
  meters_[meter::connected] = route_->up() ? 1 : 0;
  meters_[meter::in_flight_batches] = route_->in_flight();
  meters_[meter::window] = batching_.window;
  meters_[meter::written_bytes] = static_cast<double>(route_->bytes_written());
  meters_[meter::sent_again] = static_cast<double>(route_->records_sent_again());
  if (buffers_) meters_[meter::reader_buffer_bytes] = static_cast<double>(buffers_->held());
  meters_.publish();
  arm(buffers_ ? std::min(route_->deadline(), buffers_->deadline()) : route_->deadline());
}

/// One wake-up at a time can be asked for: only an earlier one replaces it, and a late enough one
/// is asked for anew when the earlier has come.
void sink::arm(time_point when) {
  if (when >= armed_) return;
  armed_ = when;
  host_.wake_at(when);
}

void sink::ended(const sluice_outcome& outcome) {
  count_errors(outcome);
  if (window_) adapt_window(outcome);
  if (outcome.call != call_counted_) call_receivers_ = 0;
  call_counted_ = outcome.call;
  call_receivers_ += outcome.receivers;
  meters_[meter::receivers] = static_cast<double>(call_receivers_);
  host_.report(outcome);
  if (outcome.result == SLUICE_PUBLISHED) watch_readers();
}

/// What is lost with a connection is told by `down`.
void sink::adapt_window(const sluice_outcome& outcome) {
  const time_point now = host_.now();
  if (outcome.result == SLUICE_PUBLISHED)
    window_->answered(std::min(duration{outcome.done_ns - outcome.written_ns}, timeout_), now);
  else if (outcome.cause == SLUICE_CAUSE_BUSY)
    window_->failed(now);
  batching_.window = window_->limit();
}

void sink::watch_readers() {
  const auto fall = readers_.saw(route_->take_most_receivers(), host_.now());
  if (!fall) return;
  meters_[meter::subscribers_lost] += static_cast<double>(fall->before - fall->now);
  host_.alert("subscriber_lost", place_ + ": for " + std::to_string(reader_watch::settle) +
                                     " s no message went to more than " +
                                     std::to_string(fall->now) + " readers; before it were " +
                                     std::to_string(fall->before));
}

void sink::count_errors(const sluice_outcome& outcome) {
  switch (outcome.cause) {
    case SLUICE_CAUSE_CONNECTION: meters_[meter::errors_connection] += outcome.count; break;
    case SLUICE_CAUSE_TIMEOUT: meters_[meter::errors_timeout] += outcome.count; break;
    case SLUICE_CAUSE_BUSY: meters_[meter::errors_busy] += outcome.count; break;
    case SLUICE_CAUSE_REJECTED: meters_[meter::errors_rejected] += outcome.count; break;
    default: break;
  }
}

void sink::refused(std::uint32_t cause, std::string_view error) {
  const bool for_good = cause == SLUICE_CAUSE_REJECTED;
  refusals& like = for_good ? rejected_ : busy_;
  ++like.untold;
  const time_point now = host_.now();
  if (like.told != time_point{} && now - like.told < refusal_event_interval) return;
  like.told = now;
  std::string text = for_good ? "a configuration fault: " : "";
  text.append(commands_).append(" was answered ").append(error);
  if (for_good) text += remedy(error);
  text += " (" + std::to_string(std::exchange(like.untold, 0)) + " since the last such event)";
  host_.alert(for_good ? "rejected" : "busy", text);
}

void sink::up(std::string_view at) {
  unreachable_told_ = false;
  if (++connections_ > 1) meters_[meter::reconnects] += 1;
  if (route_->sharded()) encoder_.use_shards();
  host_.event("connected", at.empty() ? place_ : place_ + ", " + std::string{at});
  report_attempt(SLUICE_PUBLISHED, SLUICE_CAUSE_NONE);
}

void sink::down(std::uint32_t cause, std::string_view why, std::uint32_t unanswered) {
  if (cause == SLUICE_CAUSE_TIMEOUT) meters_[meter::timeouts] += 1;
  host_.alert("disconnected", place_ + ": " + std::string{why} + "; " + std::to_string(unanswered) +
                                  " records unanswered, " +
                                  (sends_again_ ? "to be sent again" : "counted as unknown"));
  if (window_ && unanswered > 0) {
    window_->failed(host_.now());
    batching_.window = window_->limit();
  }
  // Of what is not at its end a guard would not hear.
  if (sends_again_ && unanswered > 0) report_attempt(SLUICE_PUBLISH_FAILED, cause);
}

void sink::attempt_failed(std::uint32_t cause, std::string_view why) {
  meters_[meter::connect_failures] += 1;
  const std::string text = place_ + ": " + std::string{why};
  if (cause == SLUICE_CAUSE_REJECTED)
    host_.alert("refused", text);
  else if (unreachable_told_)
    host_.debug("not connected to " + text);
  else
    host_.alert("unreachable", text);
  unreachable_told_ = cause != SLUICE_CAUSE_REJECTED;

  report_attempt(SLUICE_PUBLISH_FAILED, cause);
}

void sink::may_disorder(std::string_view why) {
  if (std::exchange(disorder_told_, true)) return;
  host_.alert("order", place_ +
                           ": unanswered records of a lost connection cannot be kept from "
                           "coming behind newer ones: " +
                           std::string{why} + "; the user needs +client|info and +client|kill");
}

/// A guard counts those that failed, and may wait for one that did not.
void sink::report_attempt(std::uint32_t result, std::uint32_t cause) {
  sluice_outcome attempt{};
  attempt.result = result;
  attempt.cause = cause;
  attempt.done_ns = host_.now().time_since_epoch().count();
  host_.report(attempt);
}

}  // namespace sluice::redis_sink

SLUICE_PLUGIN(sluice::redis_sink::sink);
