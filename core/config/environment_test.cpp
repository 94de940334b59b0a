// The requirement's environment variables, each by its name.
#include "config/reading_test.hpp"

#include <doctest/doctest.h>

namespace environment_test {

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fakes;

namespace {

constexpr std::string_view resilient = R"(
[[stage]]
plugin = "kite_source"
api_key = "k"
access_token = "${TOKEN}"
[[stage]]
plugin = "adaptive_sampler"
enabled = "${USE_RESILIENT_PUBLISHER:-true}"
[[stage]]
plugin = "load_shedder"
enabled = "${USE_RESILIENT_PUBLISHER:-true}"
[[stage]]
plugin = "circuit_breaker"
enabled = "${USE_RESILIENT_PUBLISHER:-true}"
failures = 7
[[stage]]
plugin = "redis_sink"
timeout = "3s"
queue = { records = 5_000 }
[[service]]
plugin = "backpressure_monitor"
window = "30s"
[[service]]
plugin = "http_admin"
)";

enum place_of_stage { sampler = 1, shedder, breaker, sink, monitor, http };

pipeline_spec under(std::string variable, std::string text) {
  auto result = read(resilient, with(std::move(variable), std::move(text)));
  CHECK(lines(result.errors) == "");
  REQUIRE(result.pipeline);
  return std::move(*result.pipeline);
}

/// The integer that a variable makes of a key; without the variable the file's or default one.
std::int64_t integer(place_of_stage stage, const char* key, const char* variable,
                     const char* text) {
  return value(under(variable, text).stages[stage], key).integer;
}

std::vector<bool> bypassed(const pipeline_spec& spec) {
  return {spec.stages[sampler].bypassed, spec.stages[shedder].bypassed,
          spec.stages[breaker].bypassed};
}

std::string refusal(std::string variable, std::string text) {
  return lines(read(resilient, with(std::move(variable), std::move(text))).errors);
}

}  // namespace

TEST_CASE("BACKPRESSURE_MONITORING_ENABLED=false: level.mode is never") {
  const char* const variable = "BACKPRESSURE_MONITORING_ENABLED";
  CHECK(under(variable, "false").level.mode == level_mode::never);
  CHECK(under(variable, "0").level.mode == level_mode::never);
  CHECK(under(variable, "true").level.mode == level_mode::enforce);
  CHECK(under(variable, "").level.mode == level_mode::enforce);
  const auto file =
      read("[level]\nmode = 'monitor'\n" + std::string{resilient}, with(variable, "true"));
  REQUIRE(file.pipeline);
  CHECK(file.pipeline->level.mode == level_mode::monitor);
  CHECK(refusal(variable, "maybe") ==
        "environment: BACKPRESSURE_MONITORING_ENABLED: level.mode: must be true or false\n");
}

TEST_CASE("BACKPRESSURE_WINDOW_SECONDS is the monitor's window; a bare number is seconds") {
  CHECK(integer(monitor, "window", "NONE", "") == 30'000'000'000);
  CHECK(integer(monitor, "window", "BACKPRESSURE_WINDOW_SECONDS", "120") == 120'000'000'000);
  CHECK(integer(monitor, "window", "BACKPRESSURE_WINDOW_SECONDS", "2m") == 120'000'000'000);
  CHECK(under("NONE", "").window_ns == 30'000'000'000);  // of the core's latencies, too
  CHECK(under("BACKPRESSURE_WINDOW_SECONDS", "120").window_ns == 120'000'000'000);
}

TEST_CASE("CIRCUIT_BREAKER_FAILURE_THRESHOLD and CIRCUIT_BREAKER_RECOVERY_TIMEOUT") {
  CHECK(integer(breaker, "failures", "NONE", "") == 7);
  CHECK(integer(breaker, "failures", "CIRCUIT_BREAKER_FAILURE_THRESHOLD", "9") == 9);
  CHECK(integer(breaker, "recovery", "NONE", "") == 30'000'000'000);
  CHECK(integer(breaker, "recovery", "CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "2.5") == 2'500'000'000);
  CHECK(refusal("CIRCUIT_BREAKER_FAILURE_THRESHOLD", "many") ==
        "environment: CIRCUIT_BREAKER_FAILURE_THRESHOLD: failures of \"circuit_breaker\": must be "
        "an integer between 1 and 1000\n");
}

TEST_CASE("REDIS_PUBLISH_TIMEOUT, REDIS_BATCH_SIZE and REDIS_BATCH_INTERVAL") {
  CHECK(integer(sink, "timeout", "NONE", "") == 3'000'000'000);
  CHECK(integer(sink, "timeout", "REDIS_PUBLISH_TIMEOUT", "1.0") == 1'000'000'000);
  CHECK(integer(sink, "batch", "NONE", "") == 100);
  CHECK(integer(sink, "batch", "REDIS_BATCH_SIZE", "50") == 50);
  CHECK(integer(sink, "interval", "NONE", "") == 100'000'000);
  CHECK(integer(sink, "interval", "REDIS_BATCH_INTERVAL", "0.05") == 50'000'000);
  CHECK(refusal("REDIS_BATCH_SIZE", "1000") ==
        "environment: REDIS_BATCH_SIZE: batch of \"redis_sink\": must be between 1 and 256, is "
        "1000\n");
  CHECK(refusal("REDIS_PUBLISH_TIMEOUT", "soon").find("must be a duration") != std::string::npos);
}

TEST_CASE("REDIS_BUFFER_SIZE is the queue of every redis_sink, also where a guard stands in it") {
  // The queue stands before the guard.
  CHECK(under("NONE", "").stages[breaker].queue.value().records == 5000);
  CHECK(under("REDIS_BUFFER_SIZE", "123").stages[breaker].queue.value().records == 123);
  const auto result = read(resilient, with("REDIS_BUFFER_SIZE", "123"));
  CHECK(lines(result.warnings)
            .find("environment: REDIS_BUFFER_SIZE: queue.records of \"redis_sink\": overrides line "
                  "19 of the file") != std::string::npos);
  CHECK(refusal("REDIS_BUFFER_SIZE", "0") ==
        "environment: REDIS_BUFFER_SIZE: queue.records of \"redis_sink\": must be between 1 and "
        "10000000, is 0\n");

  const auto two = read(
      "[[stage]]\nplugin='replay'\nfile='x'\n[[stage]]\nplugin='redis_sink'\n"
      "[[stage]]\nname='other'\nplugin='redis_sink'\nfrom=['replay']\n"
      "[[stage]]\nplugin='null'\nfrom=['replay']\n",
      with("REDIS_BUFFER_SIZE", "123"));
  REQUIRE(two.pipeline);
  CHECK(two.pipeline->stages[1].queue.value().records == 123);
  CHECK(two.pipeline->stages[2].queue.value().records == 123);
  CHECK(two.pipeline->stages[3].queue.value().records == 10'000);
}

TEST_CASE("ENABLE_ADAPTIVE_SAMPLING and ENABLE_LOAD_SHEDDING bypass every stage of the plugin") {
  CHECK(bypassed(under("NONE", "")) == std::vector{false, false, false});
  CHECK(bypassed(under("ENABLE_ADAPTIVE_SAMPLING", "false")) == std::vector{true, false, false});
  CHECK(bypassed(under("ENABLE_LOAD_SHEDDING", "no")) == std::vector{false, true, false});
  CHECK(bypassed(under("ENABLE_LOAD_SHEDDING", "true")) == std::vector{false, false, false});
  CHECK(refusal("ENABLE_LOAD_SHEDDING", "maybe") ==
        "environment: ENABLE_LOAD_SHEDDING: \"load_shedder\": must be true or false\n");
  CHECK(refusal("ENABLE_ADAPTIVE_SAMPLING", "maybe") ==
        "environment: ENABLE_ADAPTIVE_SAMPLING: \"adaptive_sampler\": must be true or false\n");
}

TEST_CASE("USE_RESILIENT_PUBLISHER=false, where the file refers to it, takes the direct way") {
  CHECK(bypassed(under("USE_RESILIENT_PUBLISHER", "true")) == std::vector{false, false, false});
  CHECK(bypassed(under("USE_RESILIENT_PUBLISHER", "false")) == std::vector{true, true, true});
  const std::string refused = refusal("USE_RESILIENT_PUBLISHER", "maybe");
  CHECK(refused.find("ticker.toml:8:11: enabled: must be true or false, is "
                     "\"${USE_RESILIENT_PUBLISHER:-true}\"\n") != std::string::npos);
  CHECK(refused.find("maybe") == std::string::npos);

  // What the file leaves off no variable switches on: both are in the requirement's .env.
  const auto both = read(resilient, only({{"TOKEN", "t"},
                                          {"USE_RESILIENT_PUBLISHER", "false"},
                                          {"ENABLE_ADAPTIVE_SAMPLING", "true"}}));
  REQUIRE(both.pipeline);
  CHECK(bypassed(*both.pipeline) == std::vector{true, true, true});
}

TEST_CASE("PROMETHEUS_PORT is http_admin's port") {
  CHECK(integer(http, "port", "NONE", "") == 8080);
  CHECK(integer(http, "port", "PROMETHEUS_PORT", "9090") == 9090);
}

TEST_CASE("a variable that the file names itself overrides nothing") {
  const std::string text =
      "[[stage]]\nplugin='replay'\nfile='x'\n[[stage]]\nplugin='circuit_breaker'\n"
      "[[stage]]\nplugin='redis_sink'\nurl='${REDIS_URL:-redis://localhost}'\n";
  const auto result = read(text, with("REDIS_URL", "redis://other"));
  REQUIRE(result.pipeline);
  CHECK(view(value(result.pipeline->stages[2], "url").string) == "redis://other");
  CHECK(lines(result.warnings) == "");
}

TEST_CASE("only transforms and guards can be passed by") {
  const auto result = read(
      "[[stage]]\nplugin='replay'\nfile='x'\nenabled=true\n"
      "[[stage]]\nplugin='holder'\nenabled='no'\n[[stage]]\nplugin='null'\nenabled=false\n");
  CHECK(lines(result.errors) ==
        "ticker.toml:4:1: enabled: only a transform or a guard can be passed by; leave this stage "
        "out instead\n"
        "ticker.toml:7:9: enabled: must be true or false, not a string\n"
        "ticker.toml:10:1: enabled: only a transform or a guard can be passed by; leave this stage "
        "out instead\n");
}

}  // namespace environment_test
