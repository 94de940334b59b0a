#include "client.hpp"

#include <redis/cluster_nodes.hpp>
#include <redis/command.hpp>
#include <redis/reply_reader.hpp>
#include <redis/within.hpp>

#include <exception>
#include <initializer_list>
#include <utility>

namespace sluice::redis_stream_source {
namespace asio = boost::asio;

namespace {

/// A batch of entries is held in memory whole; what is larger is refused.
constexpr std::uint64_t reply_max = 64u << 20;
/// From node to node: while a slot moves they may not agree.
constexpr int hops_max = 5;

redis::connection_settings connection_settings_of(const client_settings& given) {
  return {given.to,  given.sentinel_user, given.sentinel_password,
          given.tls, given.timeout,       given.timeout};
}

/// The first word of what ROLE says.
std::string_view role_in(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_ARRAY || reply.elements == 0) return {};
  const redisReply& first = *reply.element[0];
  return first.type == REDIS_REPLY_STRING ? std::string_view{first.str, first.len}
                                          : std::string_view{};
}

}  // namespace

client::client(asio::io_context& io, host host, client_settings settings, owner& told)
    : host_{host},
      settings_{std::move(settings)},
      owner_{told},
      connection_{io, host, connection_settings_of(settings_), *this},
      backoff_{settings_.backoff_min, settings_.backoff_max,
               static_cast<std::uint64_t>(host.unix_time().count())} {
  if (!settings_.to.seeds.empty()) search_.emplace(settings_.to.seeds, settings_.slot);
}

void client::close() {
  state_ = state::closed;
  due_ = never;
  up_ = waiting_ = false;
  connection_.close();
}

void client::give_up(std::string_view why) {
  const std::string where = search_ ? "node " + text_of(node_) : connection_.master();
  const std::string reason = (where.empty() ? "" : where + ": ").append(why);
  connection_.hang_up();
  up_ = waiting_ = visiting_ = false;
  hops_ = 0;
  state_ = state::waiting;
  due_ = host_.now() + backoff_.next();
  owner_.down(reason);
}

// --- to be connected ----------------------------------------------------------------------------

void client::dial() {
  state_ = state::dialing;
  due_ = never;
  if (search_) return go_to(search_->next());
  connection_.dial();
}

void client::go_to(const redis::place& node) {
  state_ = state::dialing;
  due_ = never;
  node_ = node;
  connection_.aim(node);
  connection_.dial();
}

/// One node says that it is not the right one, but another.
void client::hop(const redis::place& node) {
  if (++hops_ > hops_max) return give_up("is the last of a row of nodes that name each other");
  go_to(node);
}

void client::opened() {
  state_ = state::greeting;
  due_ = host_.now() + settings_.timeout;
  reader_.reset(redisReaderCreate());
  reply_bytes_ = 0;
  asking_ = false;
  try {
    append_greeting();
  } catch (const std::exception& exception) {
    return give_up(exception.what());
  }
  if (!connection_.send(out_)) give_up("the greeting could not be written");
}

void client::append_greeting() {
  const redis::address& to = settings_.to;
  const redis::identity as{to.user,
                           settings_.password ? host_.read(settings_.password) : to.password,
                           to.database.value_or(0), settings_.name};
  greeting_.clear();
  out_.clear();
  if (redis::append_auth(as, out_)) greeting_.push_back("AUTH");
  const auto say = [this](std::initializer_list<std::string_view> words) {
    redis::append_command(words, out_);
    greeting_.push_back(*words.begin());
  };
  if (as.database != 0) say({"SELECT", std::to_string(as.database)});
  if (!to.sentinels.empty()) say({"ROLE"});
  if (search_ && !visiting_) say({"CLUSTER", "NODES"});
  say({"CLIENT", "SETNAME", as.client_name});
  say({"PING"});
}

void client::greeting_answered(const redisReply& reply) {
  const std::string_view what = greeting_.front();
  greeting_.erase(greeting_.begin());
  if (reply.type == REDIS_REPLY_ERROR && what != "CLIENT") {
    // Only the first word: some servers repeat a command they refuse, and with it the password.
    const std::string_view error{reply.str, reply.len};
    return give_up(std::string{what} + " was answered " +
                   std::string{what == "AUTH" ? redis::first_word(error) : error});
  }
  // A Sentinel may still name the old master: who asks again soon hears of the new one.
  if (what == "ROLE" && role_in(reply) != "master")
    return give_up("is not the master; its role is " + std::string{role_in(reply)});
  if (what == "CLUSTER") return told_of_nodes(reply);
  if (greeting_.empty()) greeted();
}

void client::greeted() {
  state_ = state::live;
  due_ = never;
  if (!visiting_ && home_ != node_) {
    if (up_) host_.event("slot_moved", "the stream's slot is served by " + text_of(node_));
    home_ = node_;
  }
  if (!std::exchange(up_, true))
    owner_.up(search_ ? "node " + text_of(node_) : connection_.master());
  if (waiting_) return send(host_.now());
  follow_hint();
}

void client::told_of_nodes(const redisReply& reply) {
  const std::string_view text = reply.type == REDIS_REPLY_STRING
                                    ? std::string_view{reply.str, reply.len}
                                    : std::string_view{};
  const auto server = search_->owner(text, node_);
  if (!server)
    return give_up("names no node that serves the stream's slot " +
                   std::to_string(search_->slot()));
  if (*server != node_) hop(*server);
}

void client::hinted() {
  if (state_ == state::waiting) due_ = host_.now();
  follow_hint();
}

/// Once the last command is answered: what it brought would else wait until it is claimed.
void client::follow_hint() {
  const redis::place* master = connection_.moved_to();
  if (master == nullptr || state_ != state::live || waiting_) return;
  up_ = false;
  owner_.down("a sentinel says that the master is " + text_of(*master) + " now");
  dial();
}

// --- connected ----------------------------------------------------------------------------------

void client::ask(const std::vector<std::string>& words, duration longest, time_point now) {
  asked_ = words;
  longest_ = longest;
  send(now);
}

void client::send(time_point now) {
  out_.clear();
  asking_ = visiting_;
  if (asking_) redis::append_command({"ASKING"}, out_);
  redis::append_command(asked_, out_);
  waiting_ = true;
  due_ = now + settings_.timeout + longest_;
  if (!connection_.send(out_)) give_up("a command could not be written");
}

void client::received(std::span<const char> bytes) {
  reply_bytes_ += bytes.size();
  if (reply_bytes_ > reply_max)
    return give_up("an answer is longer than 64 MiB; a smaller `batch` makes it shorter");
  redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
  for (;;) {
    void* raw = nullptr;
    if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK)
      return give_up("what came is not the Redis protocol");
    if (raw == nullptr) return;
    const std::unique_ptr<redisReply, free_reply> reply{static_cast<redisReply*>(raw)};
    reply_bytes_ = 0;
    take(*reply);
    if (state_ != state::greeting && state_ != state::live) return;
  }
}

void client::take(const redisReply& reply) {
  if (state_ == state::greeting) return greeting_answered(reply);
  if (std::exchange(asking_, false)) return;  // what ASKING says
  if (!waiting_) return give_up("a reply came that nothing asked for");
  if (redirected(reply)) return;
  waiting_ = false;
  due_ = never;
  hops_ = 0;
  owner_.answered(reply);
  if (state_ != state::live) return;
  backoff_.reset();
  if (std::exchange(visiting_, false)) return go_to(home_);
  follow_hint();
}

/// Whether what was asked was not done, since the slot moves, and is on its way again.
bool client::redirected(const redisReply& reply) {
  if (!search_ || reply.type != REDIS_REPLY_ERROR) return false;
  const std::string_view error{reply.str, reply.len};
  if (redis::first_word(error) == "UNBLOCKED") {
    // The stream left while it was waited for an entry: who is asked again says where it is.
    send(host_.now());
    return true;
  }
  const auto to = redis::redirection(error, node_);
  if (!to) return false;
  visiting_ = redis::first_word(error) == "ASK";
  hop(*to);
  return true;
}

void client::closed(std::string_view why) {
  if (state_ != state::closed && state_ != state::waiting) give_up(why);
}

void client::on_timer(time_point now) {
  connection_.on_timer(now);
  if (now < due_) return;
  switch (state_) {
    case state::closed:
    case state::dialing: return;
    case state::waiting: return dial();
    case state::greeting:
      return give_up(redis::within("no answer to the greeting", settings_.timeout));
    case state::live: return give_up(redis::within("no answer", settings_.timeout + longest_));
  }
}

}  // namespace sluice::redis_stream_source
