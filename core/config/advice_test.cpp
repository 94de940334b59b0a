// What works but will hurt: the warnings of the requirement's section 7, and where they are not
// due.
#include "config/advice.hpp"

#include "config/reading_test.hpp"

#include <doctest/doctest.h>

namespace advice_test {

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fakes;

namespace {

const std::string feed = "[[stage]]\nplugin='kite_source'\napi_key='k'\naccess_token='${TOKEN}'\n";
const std::string sampler = "[[stage]]\nplugin='adaptive_sampler'\n";
const std::string shedder = "[[stage]]\nplugin='load_shedder'\n";
const std::string breaker = "[[stage]]\nplugin='circuit_breaker'\n";
const std::string redis = "[[stage]]\nplugin='redis_sink'\n";

std::string advice(const std::string& text, const environment& variables = test_environment()) {
  const auto result = read(text, variables);
  CHECK(lines(result.errors) == "");
  REQUIRE(result.pipeline);
  return lines(result.warnings);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a feed to Redis by sampler, shedder and breaker needs no advice") {
  CHECK(advice(feed + sampler + shedder + breaker + redis) == "");
}

TEST_CASE("sampling switched off is a warning, by whatever switch") {
  const std::string whole = feed + sampler + shedder + breaker + redis;
  CHECK(advice(whole, with("ENABLE_ADAPTIVE_SAMPLING", "false")) ==
        "ticker.toml:5:1: \"adaptive_sampler\" is switched off by environment "
        "ENABLE_ADAPTIVE_SAMPLING: records pass it by; not for production, where over capacity "
        "only the other stages and the queues' policies decide what is lost\n");
  CHECK(contains(advice(feed + sampler + "enabled=false\n" + breaker + redis),
                 "ticker.toml:7:1: \"adaptive_sampler\" is switched off by enabled: "));
  CHECK(contains(advice(feed + sampler + breaker + "enabled=false\n" + redis),
                 "\"circuit_breaker\" is switched off by enabled: nothing stops calls to a sink "
                 "that fails"));
}

TEST_CASE("a feed that cannot be delayed needs a sampler before Redis") {
  CHECK(advice(feed + shedder + breaker + redis) ==
        "ticker.toml:9:1: \"redis_sink\" has no sampler before it, and its feed cannot be delayed: "
        "over capacity the queue alone decides what is lost; put an adaptive_sampler before it\n");
  // A transform of somebody's own may be one; a source that can wait needs none.
  CHECK(advice(feed + "[[stage]]\nplugin='holder'\n" + breaker + redis) == "");
  CHECK(advice("[[stage]]\nplugin='replay'\nfile='x'\n" + breaker + redis) == "");
}

TEST_CASE("a redis_sink needs a breaker before it") {
  CHECK(advice(feed + sampler + redis) ==
        "ticker.toml:7:1: \"redis_sink\" has no guard before it: while Redis fails, every batch "
        "waits for its timeout; put a circuit_breaker before it\n");
}

TEST_CASE("other sinks, and a branch that where chose, are meant as they are") {
  CHECK(advice(feed + "[[stage]]\nplugin='null'\n") == "");
  CHECK(advice(feed + sampler + breaker + redis +
               "[[stage]]\nname='direct'\nplugin='redis_sink'\nfrom=['kite_source']\n"
               "where={type='equity'}\n") == "");
}

TEST_CASE("a level that nobody acts on is a warning") {
  const std::string whole = feed + sampler + breaker + redis;
  CHECK(contains(advice("[level]\nmode='never'\n" + whole), "no backpressure is detected"));
  CHECK(contains(advice(whole, with("BACKPRESSURE_MONITORING_ENABLED", "false")),
                 "no backpressure is detected"));
  CHECK(contains(advice("[level]\nmode='monitor'\n" + whole), "no stage acts on it"));
}

TEST_CASE("queues that are too large") {
  const std::string head = feed + sampler + breaker + redis;
  CHECK(contains(advice(head + "queue={records=100_001}\n"), "100001 records or 16MiB may wait"));
  CHECK(contains(advice(head + "queue={bytes='257MiB'}\n"), "records or 257MiB may wait"));
  CHECK(contains(advice(head, with("REDIS_BUFFER_SIZE", "2000000")), "2000000 records"));
  // Section 8 of the requirement recommends it.
  CHECK(advice(head, with("REDIS_BUFFER_SIZE", "50000")) == "");

  auto result = read(head + "shards=4\n");
  REQUIRE(result.pipeline);
  constexpr std::uint64_t mebibyte = 1u << 20;
  CHECK_FALSE(too_much_memory(*result.pipeline, 256 * mebibyte));
  CHECK(too_much_memory(*result.pipeline, 255 * mebibyte).value() ==
        "queues: they may take 64MiB in all, more than a quarter of the memory there is, 255MiB: "
        "when all are full the process may be killed; lower their bytes");
}

TEST_CASE("block behind a source that cannot be delayed, unless a queue between drops") {
  const std::string sink = "[[stage]]\nplugin='null'\nqueue={when_full='block'}\n";
  CHECK(contains(advice(feed + sampler + sink),
                 "queue.when_full: \"block\" makes \"kite_source\" wait"));
  CHECK(advice(feed + sampler + "queue={}\n" + sink) == "");
}

TEST_CASE("a variable of the requirement that nothing here hears is named with its plugin") {
  const std::string whole = feed + sampler + shedder + breaker + redis;
  CHECK(advice(whole, with("PROMETHEUS_PORT", "9090")) ==
        "environment: PROMETHEUS_PORT: is set and changes nothing: it is for \"http_admin\", and "
        "no stage or service is one\n");
  CHECK(advice(whole + "[[service]]\nplugin='http_admin'\n", with("PROMETHEUS_PORT", "9090")) ==
        "");
  CHECK(contains(advice(feed + breaker + redis, with("ENABLE_LOAD_SHEDDING", "true")),
                 "ENABLE_LOAD_SHEDDING: is set and changes nothing: it is for \"load_shedder\""));
  CHECK(contains(advice(whole, with("BACKPRESSURE_WINDOW_SECONDS", "30")),
                 "\"backpressure_monitor\""));
  for (const char* heard :
       {"ENABLE_ADAPTIVE_SAMPLING", "ENABLE_LOAD_SHEDDING", "BACKPRESSURE_MONITORING_ENABLED"})
    CHECK(advice(whole, with(heard, "true")) == "");
  for (const char* heard : {"CIRCUIT_BREAKER_FAILURE_THRESHOLD", "REDIS_PUBLISH_TIMEOUT",
                            "REDIS_BUFFER_SIZE", "REDIS_BATCH_SIZE"})
    CHECK(advice(whole, with(heard, "9")) == "");
  CHECK(advice(whole, with("PROMETHEUS_PORT", " ")) == "");
}

TEST_CASE("a variable that the file itself refers to is heard") {
  const std::string switched = "enabled='${USE_RESILIENT_PUBLISHER:-true}'\n";
  const std::string whole = feed + sampler + switched + shedder + breaker + redis;
  CHECK(advice(whole, with("USE_RESILIENT_PUBLISHER", "true")) == "");
  CHECK(advice(feed + sampler + shedder + breaker + redis,
               with("USE_RESILIENT_PUBLISHER", "false")) ==
        "environment: USE_RESILIENT_PUBLISHER: is set and changes nothing: the file does not refer "
        "to it\n");
}

namespace {

/// A feed behind which each of `conditions` chooses a null sink's records.
std::string routed(const std::vector<std::string>& conditions) {
  std::string text = feed;
  for (std::size_t i = 0; i < conditions.size(); ++i)
    text += "[[stage]]\nname='to" + std::to_string(i) +
            "'\nplugin='null'\nfrom=['kite_source']\nwhere={" + conditions[i] + "}\n";
  return text;
}

}  // namespace

TEST_CASE("branches that leave records to nobody") {
  CHECK(advice(routed({"priority=0", "priority=1"})) ==
        "ticker.toml:14:1: where: no stage behind \"kite_source\" takes records of priority 2: "
        "should such come, they are dropped as unrouted, which is a fault; let a stage take what "
        "the others leave\n");
  CHECK(contains(advice(routed({"type='options'", "type=['equity','futures']"})),
                 "takes records of type \"\": "));
  CHECK(contains(advice(routed({"schema='kite.tick/1'"})),
                 "takes records of schema \"kite.order/1\""));
  CHECK(contains(advice(routed({"priority=0", "type='options'"})),
                 "takes records of priority 1, type \"\": "));
  CHECK(contains(advice(routed({"type=['options','']", "type='equity', exchange='NSE'"})),
                 "takes records of type \"equity\", exchange \"\": "));
}

TEST_CASE("branches that take everything between them, or one of which asks nothing") {
  CHECK(advice(routed({"priority=0", "priority=[1,2]"})) == "");
  CHECK(advice(routed({"type='options'", "type=['equity','']"})) == "");
  CHECK(advice(routed({"schema='kite.tick/1'", "schema='kite.order/1'"})) == "");
  CHECK(advice(routed({"schema='kite.order/1'", "priority=[0,1], schema='kite.tick/1'",
                       "priority=2"})) == "");
  CHECK(advice(routed({"priority=0"}) +
               "[[stage]]\nname='rest'\nplugin='null'\nfrom=['kite_source']\n") == "");
}

}  // namespace advice_test
