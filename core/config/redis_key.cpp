#include "config/redis_key.hpp"

#include "config/text.hpp"

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <charconv>
#include <initializer_list>
#include <memory>
#include <vector>

namespace sluice::config {

namespace {

constexpr timeval step_limit{0, 500'000};
constexpr std::size_t value_limit = 4096;

[[noreturn]] void refuse(const char* what) {
  throw std::invalid_argument{
      std::string{what} +
      "; allowed is ${redis:redis://[user:password@]host[:port]/database/key}, with %XX for bytes "
      "such as %7D of user, password and key"};
}

template <typename Number>
Number number(std::string_view text, const char* otherwise) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) refuse(otherwise);
  return value;
}

std::string decoded(std::string_view text) {
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      made += text[i];
      continue;
    }
    unsigned byte = 0;
    const char* const first = text.data() + i + 1;
    if (i + 3 > text.size() || std::from_chars(first, first + 2, byte, 16).ptr != first + 2)
      refuse("a % is not followed by two hexadecimal digits");
    made += static_cast<char>(byte);
    i += 2;
  }
  return made;
}

void take_place(std::string_view text, redis_key& into) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) refuse("a bracket is not closed");
    into.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    into.host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (into.host.empty()) refuse("the host is missing");
  if (port.empty()) return;
  constexpr const char* wrong = "the port is not a number from 1 to 65535";
  into.port = number<std::uint16_t>(port.substr(1), wrong);
  if (port.front() != ':' || into.port == 0) refuse(wrong);
}

struct context_free {
  void operator()(redisContext* context) const { redisFree(context); }
};
using context_ptr = std::unique_ptr<redisContext, context_free>;
struct reply_free {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using reply_ptr = std::unique_ptr<redisReply, reply_free>;

[[noreturn]] void unreachable(const redis_key& which, const redisContext* context) {
  throw redis_unreachable{which.shown() + ": " +
                          (context == nullptr ? "out of memory" : context->errstr)};
}

/// The first word of an error: what follows may repeat the password.
std::string_view kind_of(std::string_view error) { return error.substr(0, error.find(' ')); }

reply_ptr ask(const redis_key& which, redisContext* on,
              std::initializer_list<std::string_view> words) {
  std::vector<const char*> data;
  std::vector<std::size_t> sizes;
  for (const std::string_view word : words) {
    data.push_back(word.data());
    sizes.push_back(word.size());
  }
  reply_ptr got{static_cast<redisReply*>(
      redisCommandArgv(on, static_cast<int>(words.size()), data.data(), sizes.data()))};
  if (got == nullptr) unreachable(which, on);
  if (got->type == REDIS_REPLY_ERROR)
    throw std::runtime_error{which.shown() + ": answered " + std::string{*words.begin()} +
                             " with " + printable(kind_of({got->str, got->len}))};
  return got;
}

}  // namespace

std::string redis_key::shown() const {
  const bool v6 = host.find(':') != std::string::npos;
  return "redis://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" +
         std::to_string(database) + "/" + printable(key);
}

redis_key parse_redis_key(std::string_view url) {
  constexpr std::string_view scheme = "redis://";
  if (!url.starts_with(scheme)) refuse("it does not begin with redis://");
  url.remove_prefix(scheme.size());
  const std::size_t first = url.find('/');
  const std::size_t second =
      first == std::string_view::npos ? std::string_view::npos : url.find('/', first + 1);
  if (second == std::string_view::npos) refuse("database or key is missing");

  redis_key made;
  std::string_view place = url.substr(0, first);
  // The last one counts: a raw @ in a password is common.
  if (const std::size_t at = place.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = place.substr(0, at);
    const std::size_t colon = who.find(':');
    if (colon == std::string_view::npos) refuse("there is a user but no password");
    made.user = decoded(who.substr(0, colon));
    made.password = decoded(who.substr(colon + 1));
    place.remove_prefix(at + 1);
  }
  take_place(place, made);
  made.database = number<std::uint32_t>(url.substr(first + 1, second - first - 1),
                                        "the database is not a number");
  made.key = decoded(url.substr(second + 1));
  if (made.key.empty()) refuse("database or key is missing");
  return made;
}

std::string read_redis_key(const redis_key& which) {
  const context_ptr talk{redisConnectWithTimeout(which.host.c_str(), which.port, step_limit)};
  if (talk == nullptr || talk->err != 0) unreachable(which, talk.get());
  redisSetTimeout(talk.get(), step_limit);
  if (!which.user.empty())
    ask(which, talk.get(), {"AUTH", which.user, which.password});
  else if (!which.password.empty())
    ask(which, talk.get(), {"AUTH", which.password});
  if (which.database != 0) ask(which, talk.get(), {"SELECT", std::to_string(which.database)});
  const reply_ptr got = ask(which, talk.get(), {"GET", which.key});
  if (got->type != REDIS_REPLY_STRING)
    throw std::runtime_error{which.shown() + ": there is no such key"};
  std::string_view value{got->str, got->len};
  if (value.size() > value_limit) throw std::runtime_error{which.shown() + ": longer than 4 KiB"};
  while (value.ends_with('\n') || value.ends_with('\r')) value.remove_suffix(1);
  return std::string{value};
}

}  // namespace sluice::config
