#include "session.hpp"

#include <redis/command.hpp>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <numeric>
#include <utility>

namespace sluice::redis_sink {
using redis::append_command;

namespace {

/// "id=5 addr=127.0.0.1:4711 laddr=...", as CLIENT LIST has it a line.
client_mark mark_of(std::string_view info) {
  const auto value = [&](std::string_view key) {
    const auto at = info.find(key);
    if (at == std::string_view::npos) return std::string_view{};
    const std::string_view rest = info.substr(at + key.size());
    return rest.substr(0, rest.find(' '));
  };
  if (!info.starts_with("id=")) return {};
  client_mark made;
  const std::string_view id = value("id=");
  std::from_chars(id.data(), id.data() + id.size(), made.id);
  made.address = value(" addr=");
  return made;
}

/// "# Server\r\nredis_version:7.0.15\r\n..."
std::uint32_t major_version_in(std::string_view info) {
  constexpr std::string_view key = "redis_version:";
  const auto at = info.find(key);
  std::uint32_t major = 0;
  if (at != std::string_view::npos)
    std::from_chars(info.data() + at + key.size(), info.data() + info.size(), major);
  return major;
}

}  // namespace

std::uint32_t records_in(std::span<const command_label> commands) {
  return std::accumulate(commands.begin(), commands.end(), 0u,
                         [](std::uint32_t sum, const auto& each) { return sum + each.ends; });
}

std::uint32_t cause_of(std::string_view error) {
  for (const std::string_view busy : {"LOADING", "READONLY", "OOM", "MASTERDOWN", "CLUSTERDOWN",
                                      "BUSY", "MISCONF", "NOREPLICAS", "TRYAGAIN"})
    if (first_word(error) == busy) return SLUICE_CAUSE_BUSY;
  if (error.starts_with("ERR max number of clients")) return SLUICE_CAUSE_BUSY;
  return SLUICE_CAUSE_REJECTED;
}

bool redirects(std::string_view error) {
  const std::string_view word = first_word(error);
  return word == "MOVED" || word == "ASK" || word == "TRYAGAIN" || word == "CLUSTERDOWN";
}

void session::greet(const identity& as, role_check role, time_point now, std::string& out) {
  assert(count_ == 0);
  reader_.reset();
  reason_.clear();
  mark_ = {};
  major_version_ = 0;
  asked_ = false;
  if (redis::append_auth(as, out)) expect({command::auth, true, 0, now});
  if (as.database != 0) {
    append_command({"SELECT", std::to_string(as.database)}, out);
    expect({command::select, true, 0, now});
  }
  if (role == role_check::master) {
    append_command({"ROLE"}, out);
    expect({command::role, true, 0, now});
  }
  append_command({"CLIENT", "SETNAME", as.client_name}, out);
  expect({command::client_name, true, 0, now});
  append_command({"CLIENT", "INFO"}, out);
  expect({command::client_info, true, 0, now});
  if (peer_ == peer::cluster_node) {
    append_command({"INFO", "server"}, out);
    expect({command::server_info, true, 0, now});
  }
  append_command({"PING"}, out);
  expect({command::ping, true, 0, now});
}

/// The address too: a restarted server counts its connections anew.
void session::kill(const client_mark& other, time_point now, std::string& out) {
  append_command({"CLIENT", "KILL", "ID", std::to_string(other.id), "ADDR", other.address}, out);
  expect({command::client_kill, true, 0, now});
}

void session::ask(std::initializer_list<std::string_view> words, time_point now, std::string& out) {
  append_command(words, out);
  expect({command::question, false, 0, now});
}

void session::published(std::uint64_t call, std::span<const command_label> commands,
                        time_point written, bool asking) {
  assert(in_flight_ < window_max && !commands.empty() && commands.back().ends > 0);
  labels_[(first_ + count_) % queue_.size()].assign(commands.begin(), commands.end());
  expect({command::publish, false, call, written, asking});
  ++in_flight_;
  in_flight_records_ += records_in(commands);
}

void session::ping(time_point now, std::string& out) {
  append_command({"PING"}, out);
  expect({command::ping, false, 0, now});
}

void session::expect(const expected& what) {
  assert(count_ < queue_.size());
  queue_[(first_ + count_++) % queue_.size()] = what;
}

session::progress session::feed(std::span<const char> bytes, time_point now) {
  if (!reader_.feed(bytes)) return fail(progress::broken, "a reply is longer than any expected");
  progress so_far = progress::fine;
  reply next;
  for (;;) {
    switch (reader_.next(next)) {
      case reply_reader::result::more: return so_far;
      case reply_reader::result::broken:
        return fail(progress::broken, "what came is not the Redis protocol");
      case reply_reader::result::reply: break;
    }
    const progress one = answered(next, now);
    if (one == progress::greeted) so_far = one;
    if (one != progress::fine && one != progress::greeted) return one;
  }
}

session::progress session::answered(const reply& of, time_point now) {
  if (count_ == 0)
    return fail(progress::broken, of.kind == reply_kind::error
                                      ? std::string{"the server said "}.append(of.text)
                                      : "a reply came that nothing asked for");
  expected& front = queue_[first_];
  if (front.what == command::publish) return publish_answered(of, now);
  const progress result = front.greeting ? greeting_answered(of) : progress::fine;
  const bool asked_for = front.what == command::question;
  pop();
  if (asked_for) owner_.told(of);
  return result;
}

void session::pop() {
  first_ = (first_ + 1) % static_cast<std::uint32_t>(queue_.size());
  --count_;
}

session::progress session::greeting_answered(const reply& of) {
  const command what = queue_[first_].what;
  if (what == command::client_kill) {
    if (of.kind == reply_kind::error) reason_ = of.text;
    return progress::greeted;
  }
  if (what == command::client_info && of.kind == reply_kind::string) mark_ = mark_of(of.text);
  if (what == command::server_info) major_version_ = major_version_in(of.text);
  if (of.kind == reply_kind::error) {
    // Said to whoever connects, whatever was asked.
    if (of.text.starts_with("DENIED")) return fail(progress::refused, std::string{of.text});
    // Redis publishes while it loads its data or has lost its master, though it refuses PING.
    const std::string_view code = first_word(of.text);
    const bool publishes = code == "LOADING" || code == "MASTERDOWN";
    if (what == command::ping && publishes) return progress::greeted;
    const bool nicety = what == command::client_name || what == command::client_info ||
                        what == command::server_info;
    if (nicety && (publishes || cause_of(of.text) != SLUICE_CAUSE_BUSY))
      return progress::fine;  // a user may lack the right
    if (cause_of(of.text) == SLUICE_CAUSE_BUSY) return fail(progress::busy, std::string{of.text});
    // Only the first word: some servers repeat a command they refuse, and with it the password.
    if (what == command::auth)
      return fail(progress::refused, "AUTH was answered " + std::string{first_word(of.text)});
    if (what == command::select)
      return fail(progress::refused, "SELECT was answered " + std::string{of.text});
    if (first_word(of.text) == "NOAUTH")
      return fail(progress::refused, "the server asks for a password");
    if (what == command::role)
      return fail(progress::refused, "ROLE was answered " + std::string{of.text} +
                                         ": behind a Sentinel the user needs +role");
    // A user who may not PING is greeted all the same: the server is there and awake.
  }
  // A Sentinel may still name the old master: who asks again soon hears of the new one.
  if (what == command::role && of.head[0] != "master")
    return fail(progress::busy, "is not the master; its role is " + std::string{of.head[0]});
  return what == command::ping ? progress::greeted : progress::fine;
}

session::progress session::publish_answered(const reply& of, time_point now) {
  const expected call = queue_[first_];
  if (call.asking && (asked_ = !asked_)) return progress::fine;  // what ASKING says
  if (peer_ == peer::cluster_node && of.kind == reply_kind::error && redirects(of.text))
    return redirected(of, now);
  const command_label label = labels_[first_][call.answered];
  sluice_outcome like{};
  if (of.kind == label.success && of.integer >= 0) {
    like.result = SLUICE_PUBLISHED;
    like.receivers = static_cast<std::uint64_t>(of.integer);
    most_receivers_ = std::max(most_receivers_, like.receivers);
  } else if (of.kind == reply_kind::error) {
    like.result = SLUICE_PUBLISH_FAILED;
    like.cause = cause_of(of.text);
  } else {
    return fail(progress::broken, "a message was answered by what is neither success nor an error");
  }
  const std::uint32_t cause = like.cause;
  like.receivers += worst_.receivers;
  if (worst_.result > like.result) {
    like.result = worst_.result;
    like.cause = worst_.cause;
  }
  worst_ = label.ends == 0 ? like : sluice_outcome{};
  sluice_outcome other{};
  if (label.ends > 0) {
    if (piece_.result != like.result || piece_.cause != like.cause)
      other = std::exchange(piece_, {});
    piece_.result = like.result;
    piece_.cause = like.cause;
    piece_.receivers += like.receivers;
    piece_.count += label.ends;
  }
  sluice_outcome last{};
  if (one_answered()) last = std::exchange(piece_, {});
  // Last of all: the owner may throw.
  tell(other, call, now);
  tell(last, call, now);
  if (of.kind == reply_kind::error) owner_.refused(cause, of.text);
  return progress::fine;
}

/// True if it was the last of its call.
bool session::one_answered() {
  expected& front = queue_[first_];
  const auto& labels = labels_[first_];
  in_flight_records_ -= labels[front.answered].ends;
  if (++front.answered < labels.size()) return false;
  pop();
  --in_flight_;
  return true;
}

session::progress session::redirected(const reply& of, time_point now) {
  const expected call = queue_[first_];
  const sluice_outcome before = std::exchange(piece_, {});
  one_answered();
  tell(before, call, now);
  owner_.redirected(call.call, of.text);
  return progress::fine;
}

void session::tell(sluice_outcome outcome, const expected& of, time_point now) {
  if (outcome.count == 0) return;
  outcome.call = of.call;
  outcome.written_ns = of.written.time_since_epoch().count();
  outcome.done_ns = now.time_since_epoch().count();
  owner_.ended(outcome);
}

void session::lost(std::uint32_t cause, std::uint64_t incident, time_point now) {
  sluice_outcome piece = std::exchange(piece_, {});
  worst_ = {};
  in_flight_ = in_flight_records_ = 0;
  while (count_ > 0) {
    const expected front = queue_[first_];
    const auto& labels = labels_[first_];
    pop();
    if (front.what != command::publish) continue;
    tell(std::exchange(piece, {}), front, now);
    sluice_outcome gone{};
    gone.result = SLUICE_PUBLISH_UNKNOWN;
    gone.cause = cause;
    gone.count = records_in(std::span{labels}.subspan(front.answered));
    gone.incident = incident;
    tell(gone, front, now);
  }
}

session::progress session::fail(progress how, std::string reason) {
  reason_ = std::move(reason);
  return how;
}

}  // namespace sluice::redis_sink
