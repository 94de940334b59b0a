// The stage: its keys, events and metrics.
#include "circuit_breaker.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace circuit_breaker_test {

using sluice::testing::harness;
using sluice::testing::input;
using namespace std::chrono_literals;

namespace {

constexpr const sluice_plugin& plugin = sluice::plugin_of<sluice::circuit_breaker::circuit_breaker>;

std::string refusal(const std::string& settings) {
  try {
    harness{plugin, settings};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("closed: records pass, one call a batch is counted, nothing is told") {
  harness run{plugin};
  run.push(std::vector<input>(300));
  run.advance(1s);
  CHECK(run.outputs().size() == 300);
  CHECK(run.metric("calls_successful") == 2);
  CHECK(run.metric("state") == 0);
  CHECK(run.events().empty());
  CHECK(run.balanced());
}

TEST_CASE("forced open by its configuration: refuses, says so, and spares priority 0") {
  harness run{plugin, R"(state = "forced_open")"};
  run.push({{.key = 1}, {.key = 2}, {.key = 3, .priority = sluice::priority::high}});
  CHECK(run.outputs().empty());
  CHECK(run.count().dropped[SLUICE_DROP_CIRCUIT_OPEN] == 2);
  CHECK(run.count().held == 1);
  CHECK(run.metric("state") == 4);
  CHECK(run.metric("calls_not_permitted") >= 1);
  run.advance(10s);
  run.push(input{.key = 4});
  CHECK(run.metric("open_seconds") >= 10);
  const auto told = run.events();
  REQUIRE(told.size() == 1);
  CHECK(told[0].kind == "breaker");
  CHECK(told[0].text == "forced: FORCED_OPEN (CLOSED -> FORCED_OPEN)");
  CHECK(run.balanced());
}

TEST_CASE("forced open with keep_latest: the queue keeps the newest of each key") {
  harness run{plugin, R"(state = "forced_open"
on_open = "keep_latest")"};
  for (int i = 0; i < 10; ++i) run.push({{.key = 1}, {.key = 2}});
  CHECK(run.count().held == 2);
  CHECK(run.count().dropped[SLUICE_DROP_CONFLATED] == 18);
  CHECK(run.balanced());
}

TEST_CASE("forced open with spill: the queue keeps all, in order") {
  harness run{plugin, "state = \"forced_open\"\non_open = \"spill\""};
  for (int i = 0; i < 10; ++i) run.push({{.key = 1}, {.key = 2}});
  CHECK(run.count().held == 20);
  run.reconfigure("state = \"automatic\"\non_open = \"spill\"");
  const auto outputs = run.outputs();
  REQUIRE(outputs.size() == 20);
  for (std::size_t i = 0; i < 20; ++i) CHECK(outputs[i].seq == i / 2 + 1);
  CHECK(run.balanced());
}

TEST_CASE("disabled and metrics_only let everything pass") {
  for (const std::string state : {"disabled", "metrics_only"}) {
    harness run{plugin, "state = \"" + state + "\""};
    run.push(input{.key = 1});
    CHECK(run.outputs().size() == 1);
    CHECK(run.metric("calls_successful") == (state == "metrics_only" ? 1 : 0));
    CHECK(run.balanced());
  }
}

TEST_CASE("the requirement's environment variables override the file") {
  sluice::testing::options with;
  with.environment = {{"CIRCUIT_BREAKER_FAILURE_THRESHOLD", "0"}};
  CHECK_THROWS_WITH_AS(harness(plugin, "failure_threshold = 7", with),
                       doctest::Contains("CIRCUIT_BREAKER_FAILURE_THRESHOLD"), std::runtime_error);
  with.environment = {{"CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "100000"}};
  CHECK_THROWS_WITH_AS(harness(plugin, "", with),
                       doctest::Contains("CIRCUIT_BREAKER_RECOVERY_TIMEOUT"), std::runtime_error);
  with.environment = {{"CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "30"},
                      {"CIRCUIT_BREAKER_FAILURE_THRESHOLD", "5"}};
  CHECK_NOTHROW(harness(plugin, "", with));
}

TEST_CASE("settings that make no sense are refused by name") {
  CHECK(refusal("recovery_timeout_max = \"10s\"").find("recovery_timeout_max") !=
        std::string::npos);
  CHECK(refusal("slow_call_rate = 0.5").find("slow_call_duration") != std::string::npos);
  CHECK(refusal("failure_rate = 1.5").find("failure_rate") != std::string::npos);
  CHECK(refusal("probe = \"maybe\"").find("passive") != std::string::npos);
  CHECK(refusal("slow_call_rate = 0.5\nslow_call_duration = \"250ms\"").empty());
}

}  // namespace circuit_breaker_test
