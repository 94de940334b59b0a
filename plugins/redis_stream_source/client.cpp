#include "client.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <redis/command.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::redis_stream_source {
namespace asio = boost::asio;

namespace {

/// A batch of entries is held in memory whole; what is larger is refused.
constexpr std::uint64_t reply_max = 64u << 20;

std::string within(std::string_view what, duration limit) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  return std::string{what} + " within " + std::to_string(ms) + " ms";
}

void append(std::span<const std::string> words, std::string& out) {
  out += '*' + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words)
    out += '$' + std::to_string(word.size()) + "\r\n" + word + "\r\n";
}

}  // namespace

client::client(asio::io_context& io, host host, client_settings settings, owner& told)
    : host_{host},
      settings_{std::move(settings)},
      owner_{told},
      transport_{io, *this},
      backoff_{settings_.backoff_min, settings_.backoff_max,
               static_cast<std::uint64_t>(host.unix_time().count())},
      resolver_{host.extension<sluice_resolver>(SLUICE_EXT_RESOLVER)} {}

void client::close() {
  state_ = state::closed;
  due_ = never;
  waiting_ = false;
  transport_.close();
}

void client::give_up(std::string_view why) {
  const std::string reason{why};
  close();
  state_ = state::waiting;
  due_ = host_.now() + backoff_.next();
  owner_.down(reason);
}

// --- to be connected ----------------------------------------------------------------------------

void client::dial() {
  state_ = state::resolving;
  due_ = host_.now() + settings_.timeout;
  endpoints_.clear();
  next_endpoint_ = 0;
  const redis::address& to = settings_.to;
  try {
    // Files are read at each attempt: certificates are renewed.
    if (to.kind == redis::transport_kind::tls) tls_.emplace(settings_.tls);
  } catch (const std::exception& exception) {
    return give_up(exception.what());
  }
  if (to.kind == redis::transport_kind::unix_socket) {
    endpoints_ = {asio::local::stream_protocol::endpoint{to.path}};
    return connect_next();
  }
  boost::system::error_code error;
  const auto numeric = asio::ip::make_address(to.server.host, error);
  if (!error) {
    endpoints_ = {asio::ip::tcp::endpoint{numeric, to.server.port}};
    return connect_next();
  }
  if (resolver_ == nullptr) return give_up("this host looks up no names: write a numeric address");
  // A lookup cannot be called off: one of an earlier attempt serves this one.
  if (lookup_ == 0) lookup_ = resolver_->begin(host_.raw(), borrow(to.server.host));
}

void client::poll() {
  if (state_ != state::resolving || lookup_ == 0) return;
  char buffer[4096];
  sluice_text text{buffer, sizeof buffer, 0};
  const sluice_status status = resolver_->result(host_.raw(), lookup_, &text);
  if (status == SLUICE_AGAIN) return;
  lookup_ = 0;
  std::string_view rest{buffer, text.size};
  if (status != SLUICE_OK) return give_up(settings_.to.server.host + ": " + std::string{rest});
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    boost::system::error_code error;
    const auto numeric = asio::ip::make_address(std::string{rest.substr(0, end)}, error);
    if (!error) endpoints_.push_back(asio::ip::tcp::endpoint{numeric, settings_.to.server.port});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (endpoints_.empty()) return give_up(settings_.to.server.host + ": has no address");
  connect_next();
}

void client::connect_next() {
  state_ = state::connecting;
  due_ = host_.now() + settings_.timeout;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(2 * settings_.timeout);
  transport_.open(endpoints_[next_endpoint_++], tls_ ? &*tls_ : nullptr, settings_.to.server.host,
                  static_cast<std::uint32_t>(std::max<std::int64_t>(ms.count(), 1'000)));
}

void client::opened() {
  state_ = state::greeting;
  due_ = host_.now() + settings_.timeout;
  reader_.reset(redisReaderCreate());
  reply_bytes_ = 0;
  greeting_.clear();
  out_.clear();
  try {
    const redis::address& to = settings_.to;
    const std::string password = settings_.password ? host_.read(settings_.password) : to.password;
    if (!password.empty()) {
      if (to.user.empty())
        redis::append_command({"AUTH", password}, out_);
      else
        redis::append_command({"AUTH", to.user, password}, out_);
      greeting_.push_back("AUTH");
    }
    if (to.database.value_or(0) != 0) {
      redis::append_command({"SELECT", std::to_string(*to.database)}, out_);
      greeting_.push_back("SELECT");
    }
  } catch (const std::exception& exception) {
    return give_up(exception.what());
  }
  redis::append_command({"CLIENT", "SETNAME", settings_.name}, out_);
  redis::append_command({"PING"}, out_);
  greeting_.insert(greeting_.end(), {"CLIENT", "PING"});
  if (!transport_.send(out_)) give_up("the greeting could not be written");
}

void client::greeting_answered(const redisReply& reply) {
  const std::string_view what = greeting_.front();
  greeting_.erase(greeting_.begin());
  if (reply.type == REDIS_REPLY_ERROR && what != "CLIENT") {
    // Only the first word: some servers repeat a command they refuse, and with it the password.
    const std::string_view error{reply.str, reply.len};
    return give_up(std::string{what} + " was answered " +
                   std::string{what == "AUTH" ? error.substr(0, error.find(' ')) : error});
  }
  if (!greeting_.empty()) return;
  state_ = state::live;
  due_ = never;
  owner_.up();
}

// --- connected ----------------------------------------------------------------------------------

void client::ask(const std::vector<std::string>& words, duration longest, time_point now) {
  out_.clear();
  append(words, out_);
  waiting_ = true;
  due_ = now + settings_.timeout + longest;
  if (!transport_.send(out_)) give_up("a command could not be written");
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
  if (!std::exchange(waiting_, false)) return give_up("a reply came that nothing asked for");
  due_ = never;
  backoff_.reset();
  owner_.answered(reply);
}

void client::closed(std::string_view why) {
  if (state_ == state::connecting && next_endpoint_ < endpoints_.size()) return connect_next();
  if (state_ != state::closed && state_ != state::waiting) give_up(why);
}

void client::on_timer(time_point now) {
  if (now < due_) return;
  switch (state_) {
    case state::closed: return;
    case state::waiting: return dial();
    case state::resolving:
      return give_up(within("no address for " + settings_.to.server.host, settings_.timeout));
    case state::connecting:
      transport_.close();
      return closed(within("no connection", settings_.timeout));
    default: return give_up(within("no answer", settings_.timeout));
  }
}

}  // namespace sluice::redis_stream_source
