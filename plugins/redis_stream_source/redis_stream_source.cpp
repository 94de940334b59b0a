#include "redis_stream_source.hpp"

#include <redis/client_name.hpp>
#include <redis/key_rules.hpp>
#include <redis/slot.hpp>

#include <unistd.h>

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace sluice::redis_stream_source {
namespace {

using namespace std::chrono_literals;

constexpr duration longest_wait = 1h;  ///< keeps asio's arithmetic from overflowing
constexpr int handlers_per_poll = 16;
constexpr std::size_t schemas_max = 64;  ///< the host keeps each for ever

/// "name/version", as the host has it of plugins.
bool is_schema(std::string_view text) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto slash = text.find('/');
  if (text.size() > 64 || slash == std::string_view::npos || slash + 1 == text.size()) return false;
  const std::string_view name = text.substr(0, slash), number = text.substr(slash + 1);
  return !name.empty() && lower(name[0]) && std::all_of(number.begin(), number.end(), digit) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return lower(c) || digit(c) || c == '_' || c == '.'; });
}

std::string own_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return std::string{name} + ":" + std::to_string(::getpid());
}

/// In a cluster it must be in the stream's slot.
std::string dead_letters_of(const source::config& given, const redis::address& to) {
  if (!given.dead_letters.empty()) return given.dead_letters;
  const std::string plain = given.stream + ":dead";
  if (to.seeds.empty() || redis::slot_of(plain) == redis::slot_of(given.stream)) return plain;
  return "{" + given.stream + "}:dead";
}

void validate_slots(const source::config& given, const redis::address& to, problems& found) {
  const std::string dead_letters = dead_letters_of(given, to);
  const auto slot = redis::slot_of(given.stream), other = redis::slot_of(dead_letters);
  if (to.seeds.empty() || other == slot) return;
  found.add("dead_letters", "`" + dead_letters + "` is in the cluster's slot " +
                                std::to_string(other) + " and `" + given.stream + "` in " +
                                std::to_string(slot) +
                                "; allowed is one in the stream's slot, by a hash tag as in "
                                "{orders} and {orders}:dead");
}

consumer_settings consumer_settings_of(const source::config& given) {
  consumer_settings made;
  made.stream = given.stream;
  made.group = given.group;
  made.name = given.consumer.empty() ? own_name() : given.consumer;
  made.dead_letters = dead_letters_of(given, redis::parse_url(given.url));
  made.start = given.start;
  made.field = given.field;
  made.key_field = given.key_field;
  made.schema_field = given.schema_field;
  made.create_group = given.create_group;
  made.batch = given.batch;
  made.max_deliveries = given.max_deliveries;
  made.claim_idle = given.claim_idle;
  made.block = given.block;
  made.attributes = given.attributes;
  return made;
}

void check_attributes(const source::config& given, problems& found) {
  const auto& names = given.attributes;
  for (auto at = names.begin(); at != names.end(); ++at) {
    if (at->empty()) found.add("attributes", "has an empty name; allowed are names of fields");
    if (*at == given.field)
      found.add("attributes", "has " + *at + ", the payload's field; allowed is any other");
    if (std::find(names.begin(), at, *at) != at)
      found.add("attributes", "has " + *at + " twice; allowed is each name once");
  }
}

/// A wrong file is a configuration error: said now, not at each attempt to connect.
client_settings client_settings_of(const source::config& given, host host) {
  client_settings made;
  made.to = redis::parse_url(given.url);
  made.slot = redis::slot_of(given.stream);
  made.password = given.password;
  made.sentinel_user = given.sentinel_user;
  made.sentinel_password = given.sentinel_password;
  made.name = redis::client_name(host);
  made.tls.ca_file = given.tls_ca_file;
  made.timeout = given.timeout;
  made.backoff_min = given.backoff_min;
  made.backoff_max = given.backoff_max;
  if (made.to.kind == redis::transport_kind::tls) redis::tls_context{made.tls};
  return made;
}

}  // namespace

void source::validate(const config& given, problems& found) {
  if (given.backoff_min > given.backoff_max)
    found.add("backoff_min", "is more than backoff_max; allowed is at most that");
  if (given.dead_letters == given.stream)
    found.add("dead_letters", "is the stream itself; allowed is any other");
  check_attributes(given, found);
  try {
    const redis::address to = redis::parse_url(given.url);
    validate_slots(given, to, found);
    if (!to.user.empty() && to.password.empty() && !given.password)
      found.add("url", "there is a user but no password");
    redis::check_sentinel_keys(given, to, found);
    if (to.kind != redis::transport_kind::tls && !given.tls_ca_file.empty())
      found.add("tls_ca_file", "is of no use without TLS; allowed with a url of rediss://");
  } catch (const std::invalid_argument& error) {
    found.add("url", error.what());
  }
}

source::source(const config& given, host to)
    : host_{to},
      settlement_{to.extension<sluice_settlement>(SLUICE_EXT_SETTLEMENT)},
      meters_{to},
      place_{redis::masked(redis::parse_url(given.url))},
      schemas_{{"", to.schema(entry_schema)}},
      attributes_{given.attributes, to},
      block_{given.block},
      consumer_{consumer_settings_of(given), *this},
      client_{io_, to, client_settings_of(given, to), *this} {
  if (settlement_ == nullptr)
    throw std::runtime_error{"this host tells no source how its records end"};
}

void source::start() {
  client_.start();
  advance();
}

void source::on_timer(time_point now) {
  // First what has come: an answer that waits in the socket is not overdue.
  poll(0ns);
  client_.on_timer(std::max(now, host_.now()));
  advance();
}

void source::poll(duration wait) {
  if (io_.stopped()) io_.restart();
  std::size_t ran = wait > 0ns ? io_.run_one_for(std::min(wait, longest_wait)) : io_.poll_one();
  for (int i = 1; ran != 0 && i < handlers_per_poll; ++i) ran = io_.poll_one();
  client_.poll();
  advance();
}

/// Without a connection nothing can be acknowledged any more: it stays pending at Redis.
bool source::drain(time_point) {
  if (client_.up() && !consumer_.finish()) {
    advance();
    return false;
  }
  client_.close();
  return true;
}

/// After anything that may have changed something.
void source::advance() {
  const time_point now = host_.now();
  time_point due = client_.deadline();
  if (client_.idle()) {
    if (const auto command = consumer_.next(now)) client_.ask(*command, block_, now);
    due = std::min(client_.deadline(), consumer_.wake_time());
  }
  publish_counts();
  host_.wake_at(due);
}

void source::publish_counts() {
  const consumer_counts& counts = consumer_.counts();
  meters_[meter::connected] = client_.up() ? 1 : 0;
  meters_[meter::acknowledged] = static_cast<double>(counts.acknowledged);
  meters_[meter::claimed] = static_cast<double>(counts.claimed);
  meters_[meter::retried] = static_cast<double>(counts.retried);
  meters_[meter::dead_letters] = static_cast<double>(counts.buried);
  meters_.publish();
}

void source::up(std::string_view at) {
  connected_to_ = at.empty() ? place_ : place_ + ", " + std::string{at};
  consumer_.connected();
  if (told_causes_.empty()) host_.event("connected", connected_to_);
}

void source::answered(const redisReply& reply) {
  const std::string wrong = consumer_.answered(reply, host_.now());
  if (!wrong.empty()) return client_.give_up(wrong);
  if (told_causes_.empty()) return;
  told_causes_.clear();
  host_.event("connected", connected_to_);
}

/// Each cause once in an outage, which lasts until something was answered well.
void source::down(std::string_view why) {
  constexpr std::size_t most = 8;
  if (told_causes_.size() == most || !told_causes_.emplace(why).second) return;
  host_.alert("disconnected", place_ + ": " + std::string{why});
}

void source::push(std::span<const entry> entries) {
  const std::int64_t now = host_.now().time_since_epoch().count();
  records_.clear();
  for (const entry& each : entries) {
    record made{};
    made.key = each.key;
    made.schema = each.schema_number;
    made.priority = SLUICE_PRIORITY_NORMAL;
    made.received_ns = now;
    made.data = reinterpret_cast<const std::uint8_t*>(each.data.data());
    made.size = static_cast<std::uint32_t>(each.data.size());
    made.weight = 1;
    records_.push_back(made);
  }
  attributes_.learn(entries);
  host_.push(records_);
}

/// Entries come from others: what is no name is refused, and so are more names than can be meant.
std::uint16_t source::schema(std::string_view name) {
  const auto known = schemas_.find(name);
  if (known != schemas_.end()) return known->second;
  if (!is_schema(name) || schemas_.size() > schemas_max) return 0;
  return schemas_.emplace(name, host_.schema(name)).first->second;
}

std::optional<losses> source::settled() {
  sluice_settled seen{};
  seen.size = sizeof seen;
  if (settlement_->read(host_.raw(), &seen) != SLUICE_OK) return std::nullopt;
  return losses{seen.lost, seen.refused};
}

}  // namespace sluice::redis_stream_source

SLUICE_PLUGIN(sluice::redis_stream_source::source);
