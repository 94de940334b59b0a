#include "config.hpp"

#include "channel.hpp"

#include <redis/client_name.hpp>
#include <redis/key_rules.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::redis_sink {
using redis::parse_url;

namespace {

std::optional<address> checked_url(const config& settings, problems& found) {
  try {
    return parse_url(settings.url);
  } catch (const std::invalid_argument& error) {
    found.add("url", error.what());
    return {};
  }
}

void check_attributes(const config& settings, problems& found) {
  const auto& names = settings.attributes;
  if (names.empty()) return;
  if (settings.mode == send_mode::publish)
    found.add("attributes",
              "are fields of a stream's entries; allowed with mode = \"stream\" or \"both\"");
  if (settings.group != grouping::none)
    found.add("attributes", "an entry of a group is of several keys; allowed without group");
  for (auto at = names.begin(); at != names.end(); ++at) {
    constexpr std::array<std::string_view, 3> own{"key", "schema", "data"};
    if (at->empty()) found.add("attributes", "has an empty name; allowed are names of attributes");
    if (std::find(own.begin(), own.end(), *at) != own.end())
      found.add("attributes", "has " + *at +
                                  ", a field that entries have of their own; allowed is any name "
                                  "but key, schema and data");
    if (std::find(names.begin(), at, *at) != at)
      found.add("attributes", "has " + *at + " twice; allowed is each name once");
  }
}

}  // namespace

void validate_config(const config& settings, problems& found) {
  try {
    channel_template{settings.channel};
  } catch (const std::invalid_argument& error) {
    found.add("channel", error.what());
  }
  try {
    if (!settings.last_value.empty()) channel_template{settings.last_value};
  } catch (const std::invalid_argument& error) {
    found.add("last_value", error.what());
  }
  if (settings.group != grouping::none && settings.format == message_format::raw)
    found.add("group", "raw payloads do not make an array; allowed with format = \"json\"");
  check_attributes(settings, found);
  if (settings.backoff_min > settings.backoff_max)
    found.add("backoff_min", "is more than backoff_max; allowed is at most that");
  if (settings.tls_cert_file.empty() != settings.tls_key_file.empty())
    found.add(settings.tls_cert_file.empty() ? "tls_key_file" : "tls_cert_file",
              "needs the other of tls_cert_file and tls_key_file too");

  const std::optional<address> to = checked_url(settings, found);
  if (!to) return;
  redis::check_sentinel_keys(settings, *to, found);
  if (to->seeds.empty() && settings.sharded == sharding::yes)
    found.add("sharded", "is of no use without a cluster; allowed with a url of redis+cluster://");
  if (!to->seeds.empty() && settings.reader_check > duration{})
    found.add("reader_check", "a cluster's is 0; allowed is more with one Redis, or Sentinels");
  if (!to->seeds.empty() && settings.database.value_or(0) != 0)
    found.add("database", "a cluster has no database but 0");
  const bool has_user = !settings.user.empty() || !to->user.empty();
  if (has_user && !settings.password && to->password.empty())
    found.add(settings.user.empty() ? "url" : "user", "there is a user but no password");
  if (to->kind == transport_kind::tls) return;
  const auto needs_tls = [&](std::string_view key, bool set) {
    if (set) found.add(key, "is of no use without TLS; allowed with a url of rediss://");
  };
  needs_tls("tls_ca_file", !settings.tls_ca_file.empty());
  needs_tls("tls_cert_file", !settings.tls_cert_file.empty());
  needs_tls("tls_server_name", !settings.tls_server_name.empty());
}

link_times link_times_of(const config& settings) {
  return {settings.connect_timeout, settings.timeout,     settings.ping_interval,
          settings.backoff_min,     settings.backoff_max, settings.refused_delay};
}

link_settings link_settings_of(const config& settings, host host) {
  link_settings made;
  made.to = parse_url(settings.url);
  if (!settings.user.empty()) made.to.user = settings.user;
  if (settings.database) made.to.database = settings.database;
  made.password = settings.password;
  made.sentinel_user = settings.sentinel_user;
  made.sentinel_password = settings.sentinel_password;
  made.client_name = redis::client_name(host);
  made.tls = {settings.tls_verify, settings.tls_ca_file, settings.tls_cert_file,
              settings.tls_key_file, settings.tls_server_name};
  made.times = link_times_of(settings);
  return made;
}

}  // namespace sluice::redis_sink
