#include "link.hpp"

#include <redis/within.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::redis_sink {
namespace asio = boost::asio;

namespace {

redis::connection_settings connection_settings_of(const link_settings& given) {
  return {given.to,  given.sentinel_user,         given.sentinel_password,
          given.tls, given.times.connect_timeout, given.times.timeout};
}

}  // namespace

link::link(asio::io_context& io, host host, link_settings settings, route::listener& owner)
    : host_{host},
      settings_{std::move(settings)},
      owner_{owner},
      session_{owner, settings_.peer},
      connection_{io, host, connection_settings_of(settings_), *this},
      backoff_{settings_.times.backoff_min, settings_.times.backoff_max,
               static_cast<std::uint64_t>(host.unix_time().count())},
      // Numbers of an earlier instance of this stage are all lower.
      incident_{static_cast<std::uint64_t>(host.now().time_since_epoch().count())} {}

void link::dial() {
  state_ = state::dialing;
  try {
    identity_ = {settings_.to.user, settings_.to.password, settings_.to.database.value_or(0),
                 settings_.client_name};
    if (settings_.password) identity_.password = host_.read(settings_.password);
  } catch (const std::exception& exception) {
    return fail_attempt(SLUICE_CAUSE_CONNECTION, exception.what());
  }
  connection_.dial();
}

void link::close() {
  state_ = state::closed;
  connection_.close();
  session_.lost(SLUICE_CAUSE_NONE, 0, host_.now());  // a question of ours at most
}

void link::set(const link_times& times) {
  settings_.times = times;
  connection_.set(times.connect_timeout, times.timeout);
  backoff_.set(times.backoff_min, times.backoff_max);
}

void link::poll() {
  connection_.poll();
  if (state_ == state::live && !predecessors_.empty()) end_inherited(host_.now());
}

void link::wait(duration delay, time_point now) {
  state_ = state::waiting;
  due_ = now + delay;
}

void link::begin_greeting() {
  state_ = state::greeting;
  due_ = host_.now() + settings_.times.connect_timeout;
}

void link::opened() {
  begin_greeting();
  ending_ = resuming_ = false;
  control_.clear();
  const role_check role = settings_.to.sentinels.empty() ? role_check::none : role_check::master;
  session_.greet(identity_, role, host_.now(), control_);
  if (!connection_.send(control_)) closed("the greeting could not be written");
}

void link::received(std::span<const char> bytes) {
  const time_point now = host_.now();
  last_heard_ = now;
  const session::progress result = session_.feed(bytes, now);
  if (result == session::progress::fine) return follow_hint();
  if (result == session::progress::greeted) return greeted(now);
  const std::string why = session_.reason();
  if (state_ == state::live) return lose(SLUICE_CAUSE_CONNECTION, why);
  fail_attempt(result == session::progress::refused ? SLUICE_CAUSE_REJECTED
               : result == session::progress::busy  ? SLUICE_CAUSE_BUSY
                                                    : SLUICE_CAUSE_CONNECTION,
               why);
}

void link::greeted(time_point now) {
  if (end_predecessors(now)) return;
  state_ = state::live;
  if (!std::exchange(resuming_, false)) {
    live_since_ = now;
    owner_.up(connection_.master());
  }
  follow_hint();
}

/// Whether an answer about one is still to come: then `greeted` is called again.
bool link::end_predecessors(time_point now) {
  if (std::exchange(ending_, false)) {
    predecessors_.erase(predecessors_.begin());
    if (!session_.reason().empty())
      owner_.may_disorder("CLIENT KILL was answered " + session_.reason());
  }
  const std::uint64_t id = session_.mark().id;
  for (; !predecessors_.empty(); predecessors_.erase(predecessors_.begin())) {
    const auto& [server, before] = predecessors_.front();
    // One that restarted since counts anew; over a connection that was live it did not.
    const bool restarted = id != 0 && id <= before.id && !resuming_;
    if (server != connection_.address() || restarted) continue;
    if (before.id == 0) {
      owner_.may_disorder("the server does not answer CLIENT INFO");
      continue;
    }
    ending_ = true;
    control_.clear();
    session_.kill(before, now, control_);
    if (!connection_.send(control_)) closed("the greeting could not be written");
    return true;
  }
  return false;
}

/// Nothing was sent over this connection yet: it is as if it were greeted only now.
void link::end_inherited(time_point now) {
  begin_greeting();
  resuming_ = true;
  greeted(now);
}

std::vector<connection_mark> link::unfinished() const {
  std::vector<connection_mark> all = predecessors_;
  if (session_.unanswered() > 0) all.push_back({connection_.address(), session_.mark()});
  return all;
}

void link::closed(std::string_view why) {
  if (state_ == state::live) return lose(SLUICE_CAUSE_CONNECTION, why);
  if (state_ == state::greeting) fail_attempt(SLUICE_CAUSE_CONNECTION, why);
}

void link::fail_attempt(std::uint32_t cause, std::string_view why) {
  const time_point now = host_.now();
  const std::string master = connection_.master();
  const std::string reason = (master.empty() ? "" : master + ": ").append(why);
  connection_.hang_up();
  session_.lost(cause, 0, now);  // a greeting's commands at most
  wait(cause == SLUICE_CAUSE_REJECTED ? backoff_.refused(settings_.times.refused_delay)
                                      : backoff_.next(),
       now);
  owner_.attempt_failed(cause, reason);
}

void link::lose(std::uint32_t cause, std::string_view why) {
  const time_point now = host_.now();
  const std::string reason{why};
  const std::uint32_t unknown = session_.unanswered();
  if (unknown > 0) predecessors_.push_back({connection_.address(), session_.mark()});
  connection_.hang_up();
  // A server that greets and then hangs up again and again is dialled ever less often.
  if (now - live_since_ >= 2 * settings_.times.backoff_max) backoff_.reset();
  wait(backoff_.next(), now);
  session_.lost(cause, ++incident_, now);
  owner_.down(cause, reason, unknown);
}

time_point link::deadline() const { return std::min(step_deadline(), connection_.deadline()); }

time_point link::step_deadline() const {
  switch (state_) {
    case state::closed:
    case state::dialing: return never;
    case state::live:
      return session_.silent() ? last_heard_ + settings_.times.ping_interval
                               : session_.oldest() + settings_.times.timeout;
    default: return due_;
  }
}

void link::on_timer(time_point now) {
  connection_.on_timer(now);
  if (now < step_deadline()) return;
  switch (state_) {
    case state::closed:
    case state::dialing: return;
    case state::waiting: return dial();
    case state::greeting:
      return fail_attempt(SLUICE_CAUSE_TIMEOUT, redis::within("no answer to the greeting",
                                                              settings_.times.connect_timeout));
    case state::live: break;
  }
  if (!session_.silent())
    return lose(SLUICE_CAUSE_TIMEOUT, redis::within("no reply", settings_.times.timeout));
  control_.clear();
  session_.ping(now, control_);
  // If the socket takes nothing although nothing is under way, no reply will come either.
  connection_.send(control_);
}

void link::hinted() {
  if (state_ == state::waiting) due_ = host_.now();
  follow_hint();
}

/// Nothing more is sent to another than the master, which is left when it has answered all.
void link::follow_hint() {
  const place* master = connection_.moved_to();
  if (master == nullptr || state_ != state::live || session_.in_flight() > 0) return;
  const std::string why = "a sentinel says that the master is " + text_of(*master) + " now";
  connection_.hang_up();
  session_.lost(SLUICE_CAUSE_NONE, 0, host_.now());  // a ping at most
  dial();
  owner_.down(SLUICE_CAUSE_NONE, why, 0);
}

bool link::send(std::span<const char> bytes, std::span<const command_label> commands,
                std::uint64_t call, time_point now, bool asking) {
  if (!connection_.send(bytes)) return false;
  session_.published(call, commands, now, asking);
  return true;
}

void link::ask(std::initializer_list<std::string_view> words, time_point now) {
  control_.clear();
  session_.ask(words, now, control_);
  connection_.send(control_);  // as a ping's, its answer would be missed
}

}  // namespace sluice::redis_sink
