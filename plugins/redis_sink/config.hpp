// What may be set of a redis_sink.
#pragma once

#include "cluster.hpp"
#include "link.hpp"

#include <sluice/stage.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redis_sink {

enum class message_format : std::uint8_t { json, raw };
enum class send_mode : std::uint8_t { publish, stream, both };
enum class grouping : std::uint8_t { none, channel };
enum class retrying : std::uint8_t { none, at_least_once };
enum class window_rule : std::uint8_t { fixed, adaptive };

struct config {
  std::string url, user, channel, last_value, sentinel_user;
  secret password, sentinel_password;
  std::optional<std::uint32_t> database;
  message_format format{};
  send_mode mode{};
  grouping group{};
  sharding sharded{};
  retrying retry{};
  window_rule window_control{};
  duration reader_check{};
  std::uint64_t stream_length{};
  std::vector<std::string> attributes;
  std::uint32_t batch{}, window{};
  duration interval{}, timeout{}, connect_timeout{}, ping_interval{};
  duration backoff_min{}, backoff_max{}, refused_delay{};
  byte_size message_max;
  bool tls_verify{};
  std::string tls_ca_file, tls_cert_file, tls_key_file, tls_server_name;
};

inline constexpr double ms = 1e6, second = 1e9;  // ns, for bounds

inline constexpr auto config_fields = sluice::fields(
    field<&config::url>("url",
                        "Where Redis is: redis://host:port/database, rediss:// for TLS, "
                        "unix:///path?db=N, redis+sentinel://host:port,host:port/master: who "
                        "knows where the master of that name is, or "
                        "redis+cluster://host:port,host:port: some nodes "
                        "of a cluster. May hold user:password@; `password` is the better "
                        "place for one, since it is read anew at each connection.")
        .by_default("redis://127.0.0.1:6379")
        .between(1, 2048)
        .from_environment("REDIS_URL"),
    field<&config::user>("user", "ACL user; overrides the URL's.").between(0, 256),
    field<&config::password>(
        "password", "Password; overrides the URL's. Read anew at each connection, never logged."),
    field<&config::sentinel_user>("sentinel_user", "ACL user at the sentinels.").between(0, 256),
    field<&config::sentinel_password>(
        "sentinel_password",
        "Password of the sentinels themselves, if they ask for one. Read anew at each connection, "
        "never logged."),
    field<&config::database>("database",
                             "Database number; overrides the URL's. Channels do not depend on it.")
        .between(0, 65'535),
    field<&config::channel>("channel",
                            "Channel of a record: literal text first, then {key} or the name of "
                            "any attribute of its key in braces. An attribute that a key does not "
                            "have is the word `unknown`.")
        .by_default("ticker:{type}:{key}")
        .between(1, 512),
    field<&config::format>("format",
                           "json: the members the schema's codec writes, with seq and, when a "
                           "record stands for several, w. raw: the payload as it is.")
        .one_of("json|raw")
        .by_default("json"),
    field<&config::mode>("mode",
                         "publish: PUBLISH to the channel, at most once. stream: XADD to the "
                         "stream of that name, as the field `data` beside the `key`, and with "
                         "format = \"raw\" its `schema`; readers find it later. both: first the "
                         "one, then the other.")
        .one_of("publish|stream|both")
        .by_default("publish"),
    field<&config::last_value>(
        "last_value",
        "Key that always holds the newest message of its kind, by SET in the same pipeline: a "
        "template as `channel`, last:{key} for example. Empty: none.")
        .between(0, 512),
    field<&config::group>("group",
                          "channel: the records of a batch that share a channel are one message, a "
                          "JSON array, or several if message_max makes it necessary.")
        .one_of("none|channel")
        .by_default("none"),
    field<&config::sharded>("sharded",
                            "In a cluster, publish by SPUBLISH, to subscribers of SSUBSCRIBE, "
                            "within the shard that serves the channel; else PUBLISH goes to every "
                            "node. auto: where the cluster is Redis 7 or newer.")
        .one_of("auto|yes|no")
        .by_default("auto"),
    field<&config::stream_length>("stream_length",
                                  "Entries that each stream keeps, and a few tens over; the "
                                  "oldest go first. Not with mode = \"publish\".")
        .by_default("100000")
        .between(1, 1e9)
        .in_unit("entries"),
    field<&config::attributes>("attributes",
                               "Attributes of the record's key that an entry of a stream has too, "
                               "each as a field of its name: [\"type\", \"symbol\"]. One that the "
                               "key does not have is left out. Not with mode = \"publish\", nor "
                               "with group.")
        .by_default("[]"),
    field<&config::batch>("batch", "Most records written at once.")
        .by_default("100")
        .between(1, SLUICE_BATCH_MAX)
        .in_unit("records")
        .from_environment("REDIS_BATCH_SIZE")
        .live(),
    field<&config::interval>("interval",
                             "Longest wait of a record for its batch to fill. With nothing in "
                             "flight nothing waits.")
        .by_default("100ms")
        .between(0, 10 * second)
        .from_environment("REDIS_BATCH_INTERVAL")
        .live(),
    field<&config::window>("window",
                           "Most batches in flight. What is in flight when Redis stalls arrives "
                           "late, so no more than keeps Redis busy.")
        .by_default("4")
        .between(2, session::window_max)
        .in_unit("batches")
        .live(),
    field<&config::window_control>("window_control",
                                   "fixed: as many as `window` says. adaptive: from one to "
                                   "`window`, more while the latency stays, fewer when it rises "
                                   "or batches fail.")
        .one_of("fixed|adaptive")
        .by_default("fixed"),
    field<&config::timeout>("timeout",
                            "Longest wait for the reply to a batch, from its first byte written. "
                            "Then the connection is cut and what is in flight counts as unknown.")
        .by_default("1s")
        .between(10 * ms, 60 * second)
        .from_environment("REDIS_PUBLISH_TIMEOUT")
        .live(),
    field<&config::retry>("retry",
                          "none: what had no answer when its connection was lost is unknown, and "
                          "not sent again. at_least_once: it goes again over the next one, in "
                          "order and before anything newer; Redis may have it twice then.")
        .one_of("none|at_least_once")
        .by_default("none"),
    field<&config::message_max>("message_max", "Larger messages are dropped as oversize.")
        .by_default("64KiB")
        .between(64, 16.0 * 1024 * 1024)
        .live(),
    field<&config::connect_timeout>("connect_timeout",
                                    "Longest time for each step of connecting: look-up, "
                                    "connection with TLS, greeting.")
        .by_default("1s")
        .between(10 * ms, 60 * second)
        .live(),
    field<&config::backoff_min>("backoff_min",
                                "Ceiling of the random wait after a first failure; it doubles "
                                "with each further one.")
        .by_default("50ms")
        .between(1 * ms, 60 * second)
        .live()
        .advanced(),
    field<&config::backoff_max>("backoff_max", "Highest ceiling of the wait between attempts.")
        .by_default("500ms")
        .between(1 * ms, 600 * second)
        .live()
        .advanced(),
    field<&config::refused_delay>("refused_delay",
                                  "Wait, within half of it either way, after Redis refused user, "
                                  "password or database.")
        .by_default("10s")
        .between(10 * ms, 3600 * second)
        .live()
        .advanced(),
    field<&config::ping_interval>("ping_interval",
                                  "An idle connection is tried with a PING this often.")
        .by_default("1s")
        .between(10 * ms, 3600 * second)
        .live()
        .advanced(),
    field<&config::reader_check>("reader_check",
                                 "Over a second connection Redis is asked this often what it "
                                 "holds for its slowest subscriber; from half of what it cuts one "
                                 "at the level is WARNING. 0: never. Not for a cluster.")
        .by_default("0s")
        .between(0, 3600 * second),
    field<&config::tls_verify>("tls_verify",
                               "Check the server's certificate and name. Off only for tests.")
        .by_default("true")
        .advanced(),
    field<&config::tls_ca_file>("tls_ca_file",
                                "Certificate authorities (PEM); the system's unless set.")
        .file(),
    field<&config::tls_cert_file>("tls_cert_file", "Our certificate with its chain (PEM).").file(),
    field<&config::tls_key_file>("tls_key_file", "The key of tls_cert_file (PEM).").file(),
    field<&config::tls_server_name>("tls_server_name",
                                    "Name in the server's certificate, if not the URL's host.")
        .advanced());

/// Rules across keys.
void validate_config(const config& settings, problems& found);

link_times link_times_of(const config& settings);

/// The connection's part. Throws std::invalid_argument.
link_settings link_settings_of(const config& settings, host host);

}  // namespace sluice::redis_sink
