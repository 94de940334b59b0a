// Every value of a pipeline and where it came from, as `sluice check --effective` prints it.
#include "config/reading_test.hpp"

#include <doctest/doctest.h>

namespace effective_test {

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fakes;

namespace {

std::string effective(std::string_view text, const environment& variables) {
  std::string all;
  for (const effective_value& one : read(text, variables).effective)
    all += one.owner + "." + one.key + " = " + one.value + "  # " + one.origin + "\n";
  return all;
}

/// The lines of one owner.
std::string of(const std::string& owner, const std::string& all) {
  std::string found;
  for (std::size_t at = 0; at < all.size(); at = all.find('\n', at) + 1)
    if (all.compare(at, owner.size() + 1, owner + ".") == 0)
      found += all.substr(at, all.find('\n', at) + 1 - at);
  return found;
}

constexpr std::string_view file = R"([level]
hold = "${HOLD:-3s}"
[[stage]]
plugin = "kite_source"
api_key = "${KITE_API_KEY}"
access_token = "${TOKEN}"
instruments = ["${FIRST:-1}", 2]
[[stage]]
plugin = "adaptive_sampler"
warning = 0.9
enabled = "${USE_RESILIENT_PUBLISHER:-true}"
[[stage]]
name = "redis"
plugin = "redis_sink"
where = { type = ["options", "futures"], exchange = "${EXCHANGE}", priority = 1 }
url = "${REDIS:-redis://localhost}"
password = "${file:/no/such/file}"
queue = { bytes = "1MiB" }
[[service]]
plugin = "http_admin"
)";

environment variables() {
  return [](std::string_view name) -> std::optional<variable> {
    if (name == "REDIS_BUFFER_SIZE") return variable{"77", ".env:4"};
    if (name == "USE_RESILIENT_PUBLISHER") return variable{"no", ".env:5"};
    if (name == "BACKPRESSURE_MONITORING_ENABLED") return variable{"false"};
    if (name == "REDIS_BATCH_SIZE") return variable{"50"};
    if (name == "TOKEN" || name == "KITE_API_KEY" || name == "EXCHANGE") return variable{"s3cret"};
    return std::nullopt;
  };
}

}  // namespace

TEST_CASE("what is effective: every key, its value and its origin, no secret") {
  const std::string all = effective(file, variables());
  CHECK(all.find("s3cret") == std::string::npos);
  CHECK(of("pipeline", all) == R"(pipeline.name = "ticker"  # file name
pipeline.metrics_prefix = "ticker"  # default
pipeline.max_keys = 16384  # default
pipeline.drain_limit = "10s"  # default
pipeline.codecs = []  # default
)");
  const std::string level = of("level", all);
  CHECK(level.find("level.mode = \"never\"  # environment BACKPRESSURE_MONITORING_ENABLED\n") !=
        std::string::npos);
  CHECK(level.find("level.hold = \"3s\"  # ticker.toml:2:1 (HOLD is not set)\n") !=
        std::string::npos);
  CHECK(of("kite_source", all) == R"(kite_source.plugin = "kite_source"  # ticker.toml:4:1
kite_source.name = "kite_source"  # default
kite_source.on_fault = "stop"  # default
kite_source.api_key = "${KITE_API_KEY}"  # ticker.toml:5:1 (environment KITE_API_KEY)
kite_source.access_token = (secret)  # ticker.toml:6:1 (environment TOKEN)
kite_source.instruments = ["1", "2"]  # ticker.toml:7:1 (FIRST is not set)
kite_source.mode = "full"  # default
kite_source.silence = "5s"  # default
kite_source.sockets = 1  # default
)");
  CHECK(of("adaptive_sampler", all) ==
        R"(adaptive_sampler.plugin = "adaptive_sampler"  # ticker.toml:9:1
adaptive_sampler.name = "adaptive_sampler"  # default
adaptive_sampler.from = ["kite_source"]  # default
adaptive_sampler.on_fault = "bypass"  # default
adaptive_sampler.enabled = false  # ticker.toml:11:1 (.env:5 USE_RESILIENT_PUBLISHER)
adaptive_sampler.warning = 0.9  # ticker.toml:10:1
adaptive_sampler.critical = 0.5  # default
adaptive_sampler.window = "1s"  # default
)");
  CHECK(of("redis", all) == R"(redis.plugin = "redis_sink"  # ticker.toml:14:1
redis.name = "redis"  # ticker.toml:13:1
redis.from = ["adaptive_sampler"]  # default
redis.shards = 1  # default
redis.on_fault = "stop"  # default
redis.url = "redis://localhost"  # ticker.toml:16:1 (REDIS is not set)
redis.channel = "ticker:{type}:{key}"  # default
redis.password = (secret)  # ticker.toml:17:1 (file /no/such/file)
redis.message_limit = "64KiB"  # default
redis.batch = 50  # environment REDIS_BATCH_SIZE
redis.timeout = "1s"  # default
redis.interval = "100ms"  # default
redis.queue.records = 77  # .env:4 REDIS_BUFFER_SIZE
redis.queue.bytes = "1MiB"  # ticker.toml:18:11
redis.queue.when_full = "drop_oldest"  # default
redis.queue.max_delay = "0s"  # default
redis.where.type = ["options", "futures"]  # ticker.toml:15:11
redis.where.exchange = "${EXCHANGE}"  # ticker.toml:15:42 (environment EXCHANGE)
redis.where.priority = 1  # ticker.toml:15:68
)");
  CHECK(of("http_admin", all) == R"(http_admin.plugin = "http_admin"  # ticker.toml:20:1
http_admin.name = "http_admin"  # default
http_admin.port = 8080  # default
)");
}

TEST_CASE("a variable of the requirement that switches a stage off is its origin") {
  const auto off = with("ENABLE_ADAPTIVE_SAMPLING", "false");
  CHECK(effective(design, off)
            .find("adaptive_sampler.enabled = false  # environment ENABLE_ADAPTIVE_SAMPLING\n") !=
        std::string::npos);
}

TEST_CASE("a password in a variable's URL is masked") {
  const std::string all = effective(design, with("REDIS_URL", "redis://me:hidden@host:1"));
  CHECK(all.find("redis.url = \"redis://me:***@host:1\"  # environment REDIS_URL\n") !=
        std::string::npos);
  CHECK(all.find("hidden") == std::string::npos);
}

TEST_CASE("all keys of a stage stand under the name it came to") {
  const std::string all = effective(
      "[[stage]]\nplugin='replay'\nfile='x'\n[[stage]]\nplugin='null'\nname='${NAME:-end}'\n",
      fakes::only({}));
  CHECK(of("end", all).starts_with("end.plugin = \"null\"  # ticker.toml:5:1\n"));
  CHECK(all.find("${NAME") == std::string::npos);
}

}  // namespace effective_test
