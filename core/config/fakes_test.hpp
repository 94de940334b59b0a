// Plugins that exist as rows alone, for the tests of this folder.
#pragma once

#include "config/load.hpp"

#include <sluice/ext/codec.h>
#include <sluice/stage.hpp>

#include <map>
#include <string>
#include <vector>

namespace sluice::config::fakes {

struct no_config {
  static constexpr auto fields = sluice::fields();
};

struct kite_source {
  enum class mode { ltp, quote, full };
  struct config {
    std::string api_key;
    secret access_token;
    std::vector<std::string> instruments;
    enum mode mode = mode::full;
    duration silence{};
    std::uint32_t sockets = 0;
  };
  static constexpr auto fields = sluice::fields(
      field<&config::api_key>("api_key", "The application's key.").required().between(1, 64),
      field<&config::access_token>("access_token", "Read anew before every dial.")
          .required()
          .between(1, 256)
          .from_environment("KITE_ACCESS_TOKEN"),
      field<&config::instruments>("instruments", "Tokens to subscribe to.")
          .by_default("[\"256265\", \"408065\"]"),
      field<&config::mode>("mode", "How much of each tick.")
          .one_of("ltp|quote|full")
          .by_default("full"),
      field<&config::silence>("silence", "How long a socket may say nothing.")
          .by_default("5s")
          .between(1e9, 6e10),
      field<&config::sockets>("sockets", "Connections.").by_default("1").between(1, 3));
  static constexpr description about{"kite_source", "1.2.3", "A feed.", SLUICE_SOURCE,
                                     SLUICE_CAN_IO | SLUICE_NEVER_DELAY};
  static constexpr std::array<std::string_view, 2> emits{"kite.tick/1", "kite.order/1"};
  static constexpr sluice_codec tick{sizeof(sluice_codec), 64, borrow("kite.tick/1"), nullptr,
                                     nullptr};
  static constexpr std::array codecs{&tick};
  kite_source(const config&, host) {}
};

struct replay {
  struct config {
    std::string file;
    double speed = 0;
    bool loop = false;
  };
  static constexpr auto fields = sluice::fields(
      field<&config::file>("file", "The session.").file().required(),
      field<&config::speed>("speed", "Times real time.").by_default("1").between(0.1, 100),
      field<&config::loop>("loop", "Again from the start at the end.").by_default("false"));
  static constexpr description about{"replay", "1.0.0", "A recorded session.", SLUICE_SOURCE,
                                     SLUICE_CAN_IO};
  replay(const config&, host) {}
};

struct adaptive_sampler {
  struct config {
    double warning = 0, critical = 0;
    duration window{};
  };
  static constexpr auto fields = sluice::fields(
      field<&config::warning>("warning", "Kept in WARNING.").by_default("0.8").between(0, 1).live(),
      field<&config::critical>("critical", "Kept in CRITICAL.").by_default("0.5").between(0, 1),
      field<&config::window>("window", "Use nothing else.").by_default("1s").deprecated());
  static constexpr description about{"adaptive_sampler", "1.0.0", "Keeps a share."};
  static void validate(const config& given, problems& found) {
    if (given.critical > given.warning)
      found.add("critical", "must not be above warning, which is less severe");
  }
  adaptive_sampler(const config&, host) {}
};

struct load_shedder {
  using config = no_config;
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"load_shedder", "1.0.0", "Drops what exceeds capacity."};
  load_shedder(const config&, host) {}
};

struct holder {
  using config = no_config;
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"holder", "1.0.0", "Holds.", SLUICE_TRANSFORM,
                                     SLUICE_CAN_HOLD};
  holder(const config&, host) {}
};

/// Waits for answers of its own.
struct enricher {
  using config = no_config;
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"enricher", "1.0.0", "Asks.", SLUICE_TRANSFORM, SLUICE_CAN_IO};
  enricher(const config&, host) {}
};

struct circuit_breaker {
  struct config {
    std::uint32_t failures = 0;
    duration recovery{};
  };
  static constexpr auto fields =
      sluice::fields(field<&config::failures>("failures", "In a row.")
                         .by_default("5")
                         .between(1, 1000)
                         .from_environment("CIRCUIT_BREAKER_FAILURE_THRESHOLD"),
                     field<&config::recovery>("recovery", "Time it stays open.")
                         .by_default("30s")
                         .between(1e8, 3.6e12)
                         .from_environment("CIRCUIT_BREAKER_RECOVERY_TIMEOUT"));
  static constexpr description about{"circuit_breaker", "1.0.0", "Permits.", SLUICE_GUARD};
  circuit_breaker(const config&, host) {}
};

struct redis_sink {
  struct config {
    std::string url, channel;
    std::optional<secret> password;
    byte_size message_limit{};
    std::uint32_t batch = 0;
    duration timeout{}, interval{};
  };
  static constexpr auto fields =
      sluice::fields(field<&config::url>("url", "Where Redis is.")
                         .by_default("redis://127.0.0.1:6379")
                         .from_environment("REDIS_URL"),
                     field<&config::channel>("channel", "Template.")
                         .by_default("ticker:{type}:{key}")
                         .between(1, 128),
                     field<&config::password>("password", "For AUTH."),
                     field<&config::message_limit>("message_limit", "Longest message.")
                         .by_default("64KiB")
                         .between(64, 1 << 20),
                     field<&config::batch>("batch", "Most records in one call.")
                         .by_default("100")
                         .between(1, 256)
                         .in_unit("records")
                         .from_environment("REDIS_BATCH_SIZE"),
                     field<&config::timeout>("timeout", "Longest wait for a reply.")
                         .by_default("1s")
                         .between(1e7, 6e10)
                         .from_environment("REDIS_PUBLISH_TIMEOUT"),
                     field<&config::interval>("interval", "Longest wait for a full batch.")
                         .by_default("100ms")
                         .between(0, 1e10)
                         .from_environment("REDIS_BATCH_INTERVAL"));
  static constexpr description about{"redis_sink", "1.0.0", "Publishes.", SLUICE_SINK,
                                     SLUICE_CAN_IO};
  static void validate(const config& given, problems& found) {
    if (!given.url.starts_with("redis"))
      found.add("url",
                "must begin with redis://, rediss:// or unix:// (see the README for each of "
                "them and its parts), is " +
                    given.url);
  }
  redis_sink(const config&, host) {}
};

struct null_sink {
  using config = no_config;
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"null", "1.0.0", "Takes all.", SLUICE_SINK};
  null_sink(const config&, host) {}
};

struct http_admin {
  struct config {
    std::uint16_t port = 0;
  };
  static constexpr auto fields = sluice::fields(field<&config::port>("port", "TCP port.")
                                                    .by_default("8080")
                                                    .from_environment("PROMETHEUS_PORT"));
  static constexpr description about{"http_admin", "1.0.0", "Serves.", SLUICE_SERVICE,
                                     SLUICE_CAN_IO};
  http_admin(const config&, host) {}
};

struct backpressure_monitor {
  struct config {
    duration window{};
  };
  static constexpr auto fields =
      sluice::fields(field<&config::window>("window", "The long window.")
                         .by_default("60s")
                         .between(1e9, 3.6e12)
                         .from_environment("BACKPRESSURE_WINDOW_SECONDS"));
  static constexpr description about{"backpressure_monitor", "1.0.0", "Measures.", SLUICE_SERVICE};
  backpressure_monitor(const config&, host) {}
};

/// Its rows cannot be used: a reserved name and a default out of bounds.
struct bad_rows {
  struct config {
    std::string queue;
    std::uint32_t size = 0;
  };
  static constexpr auto fields = sluice::fields(
      field<&config::queue>("queue", "A name that is the host's."),
      field<&config::size>("size", "Beyond its bounds.").by_default("0").between(1, 9));
  static constexpr description about{"bad_rows", "1.0.0", "Wrong."};
  bad_rows(const config&, host) {}
};

inline const std::vector<const sluice_plugin*>& all() {
  static const std::vector<const sluice_plugin*> plugins{
      &plugin_of<kite_source>,          &plugin_of<replay>,    &plugin_of<load_shedder>,
      &plugin_of<adaptive_sampler>,     &plugin_of<holder>,    &plugin_of<circuit_breaker>,
      &plugin_of<redis_sink>,           &plugin_of<null_sink>, &plugin_of<http_admin>,
      &plugin_of<backpressure_monitor>, &plugin_of<bad_rows>,  &plugin_of<enricher>};
  return plugins;
}

/// Knows the plugins above by name.
inline found_plugin find(std::string_view name) {
  for (const sluice_plugin* plugin : all())
    if (view(plugin->name) == name) return {plugin, nullptr};
  throw std::runtime_error{"no plugin \"" + std::string{name} + "\"; tried /plugins/" +
                           std::string{name} + ".so"};
}

/// An environment of these variables alone.
inline environment only(std::map<std::string, std::string, std::less<>> variables) {
  return [variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

/// What the files in tests/config/bad see.
inline environment test_environment() {
  return only({{"KITE_API_KEY", "key"},
               {"TOKEN", "s3cret-token"},
               {"WORD", "s3cret-word"},
               {"SHORT", "1ms"}});
}

}  // namespace sluice::config::fakes
