// redis_stream_source/redis_stream_source.hpp - a source of the entries of a Redis stream, as one
// consumer of a group. An entry is acknowledged when the pipeline has done with it.
#pragma once

#include "client.hpp"
#include "codec.hpp"
#include "consumer.hpp"
#include "key_attributes.hpp"

#include <sluice/ext/settlement.h>
#include <redis/wake_slot.hpp>
#include <sluice/meters.hpp>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redis_stream_source {

enum class meter : std::uint8_t { connected, acknowledged, claimed, retried, dead_letters };

inline constexpr std::array meter_rows{
    gauge(meter::connected, "connected", "1 while connected to Redis and greeted"),
    counter(meter::acknowledged, "acknowledged",
            "Entries acknowledged after the pipeline had done with them"),
    counter(meter::claimed, "claimed", "Entries taken over from consumers that were silent"),
    counter(meter::retried, "retried", "Entries to be handed over again after a loss"),
    counter(meter::dead_letters, "dead_letters",
            "Entries given up and put into the stream of dead letters")};

class source final : client::owner, outlet {
 public:
  struct config {
    std::string url, stream, group, consumer, start, field, key_field, schema_field, dead_letters;
    std::vector<std::string> attributes;
    std::string tls_ca_file, sentinel_user;
    secret password, sentinel_password;
    bool create_group{};
    std::uint32_t batch{};
    std::uint64_t max_deliveries{};
    duration claim_idle{}, block{}, timeout{}, backoff_min{}, backoff_max{};
  };

  static constexpr double ms = 1e6, second = 1e9;  // ns
  static constexpr auto fields = sluice::fields(
      field<&config::url>(
          "url",
          "Where Redis is: redis://host:port/database, rediss:// for TLS, "
          "unix:///path?db=N, redis+sentinel://host:port,host:port/master: who "
          "knows where the master of that name is, or "
          "redis+cluster://host:port,host:port: some nodes of a cluster. May hold user:password@; "
          "`password` is the better place for one, since it is read anew at each "
          "connection.")
          .by_default("redis://127.0.0.1:6379")
          .between(1, 2048)
          .from_environment("REDIS_URL"),
      field<&config::password>(
          "password", "Password; overrides the URL's. Read anew at each connection, never logged."),
      field<&config::sentinel_user>("sentinel_user", "ACL user at the sentinels.").between(0, 256),
      field<&config::sentinel_password>("sentinel_password",
                                        "Password of the sentinels themselves, if they ask for "
                                        "one. Read anew at each connection, never logged."),
      field<&config::stream>("stream", "Key of the stream.").required().between(1, 512),
      field<&config::group>("group", "Consumer group: its consumers share the entries.")
          .by_default("sluice")
          .between(1, 256),
      field<&config::consumer>("consumer",
                               "Name in the group; each process needs its own. Empty: host and "
                               "process number.")
          .between(0, 256),
      field<&config::create_group>("create_group",
                                   "Create the group, and an empty stream, where they are missing.")
          .by_default("true"),
      field<&config::start>("start",
                            "Where a group that is created begins: 0 for the oldest entry, $ for "
                            "those to come, or an entry's id.")
          .by_default("0")
          .between(1, 64),
      field<&config::batch>("batch",
                            "Most entries read at once, and so most that are handed over and not "
                            "acknowledged.")
          .by_default("100")
          .between(1, SLUICE_BATCH_MAX)
          .in_unit("entries"),
      field<&config::field>("field", "Field of an entry that is the record's payload.")
          .by_default("data")
          .between(1, 256),
      field<&config::key_field>("key_field",
                                "Field that is the record's key: a number, or text, of which the "
                                "key is a hash. Entries without it have the key 0.")
          .by_default("key")
          .between(1, 256),
      field<&config::schema_field>("schema_field",
                                   "Field that names the schema of the payload, as kite.tick/1: "
                                   "redis_sink writes it with format = \"raw\". Entries without it "
                                   "are of redis.entry/1; empty: all are.")
          .by_default("schema")
          .between(0, 256),
      field<&config::attributes>(
          "attributes",
          "Fields that are attributes of the entry's key, by their names, as "
          "redis_sink writes them: [\"type\", \"symbol\"]. For {type} in a "
          "channel and for `where`.")
          .by_default("[]"),
      field<&config::claim_idle>("claim_idle",
                                 "Entries that a consumer has read and not acknowledged for so "
                                 "long are taken over from it.")
          .by_default("30s")
          .between(100 * ms, 86'400 * second),
      field<&config::max_deliveries>("max_deliveries",
                                     "An entry that was read so often without an end, or that the "
                                     "pipeline refused so often, goes to dead_letters.")
          .by_default("5")
          .between(1, 1'000),
      field<&config::dead_letters>("dead_letters",
                                   "Stream of entries given up, with why. Empty: that of `stream` "
                                   "with :dead behind it, in a cluster {stream}:dead, since both "
                                   "must be in one slot.")
          .between(0, 512),
      field<&config::block>("block", "Longest time to wait at Redis for an entry.")
          .by_default("500ms")
          .between(1 * ms, 60 * second)
          .advanced(),
      field<&config::timeout>("timeout",
                              "Longest time for a step of connecting and for an answer. Then the "
                              "connection is cut and begun anew.")
          .by_default("2s")
          .between(10 * ms, 60 * second),
      field<&config::backoff_min>("backoff_min",
                                  "Ceiling of the random wait after a first failure; it doubles "
                                  "with each further one.")
          .by_default("50ms")
          .between(1 * ms, 60 * second)
          .advanced(),
      field<&config::backoff_max>("backoff_max", "Highest ceiling of the wait between attempts.")
          .by_default("500ms")
          .between(1 * ms, 600 * second)
          .advanced(),
      field<&config::tls_ca_file>("tls_ca_file",
                                  "Certificate authorities (PEM); the system's unless set.")
          .file());
  static constexpr description about{"redis_stream_source", "0.1.0",
                                     "Entries of a Redis stream, shared by a consumer group.",
                                     SLUICE_SOURCE, SLUICE_CAN_IO};
  static constexpr std::array<std::string_view, 1> emits{entry_schema};
  static constexpr std::array codecs{&entry_codec};

  static void validate(const config& given, problems& found);

  /// Throws std::runtime_error if the host tells no outcomes, or a file is wrong.
  source(const config& given, host to);

  void start();
  void on_timer(time_point now);
  void poll(duration wait);
  void wake() { wakes_.wake(io_); }
  bool drain(time_point);

 private:
  void up(std::string_view at) override;
  void answered(const redisReply& reply) override;
  void down(std::string_view why) override;
  void push(std::span<const entry> entries) override;
  void discard() override { host_.discard(reason::malformed, 1); }
  std::uint16_t schema(std::string_view name) override;
  std::optional<losses> settled() override;

  void advance();
  void publish_counts();

  host host_;
  const sluice_settlement* settlement_;
  meters<meter_rows> meters_;
  redis::wake_slot wakes_;
  boost::asio::io_context io_;
  const std::string place_;
  std::map<std::string, std::uint16_t, std::less<>> schemas_;  ///< their numbers
  key_attributes attributes_;
  const duration block_;
  consumer consumer_;
  client client_;
  std::string connected_to_;
  std::set<std::string, std::less<>> told_causes_;  ///< of the outage that lasts
  std::vector<record> records_;
};

}  // namespace sluice::redis_stream_source
