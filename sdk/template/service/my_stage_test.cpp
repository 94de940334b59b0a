// The stage in the real runtime, on virtual time.
#include "my_stage.hpp"

#include <sluice/testing.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace std::chrono_literals;
using sluice::testing::harness;

namespace {

constexpr auto& plugin = sluice::plugin_of<stages::my_stage>;

/// As the host writes them.
std::string metrics(const std::string& level, const std::string& uptime) {
  return "# TYPE sluice_uptime_seconds gauge\nsluice_uptime_seconds{pipeline=\"x\"} " + uptime +
         "\n# TYPE sluice_level gauge\nsluice_level{pipeline=\"x\"} " + level + "\n";
}

}  // namespace

TEST_CASE("the level is logged every second") {
  harness run{plugin};
  run.document("metrics", metrics("0", "1.25"));
  run.advance(999ms);
  CHECK(run.logs().empty());
  run.advance(1ms);
  auto logs = run.logs();
  REQUIRE(logs.size() == 1);
  CHECK(logs[0].kind == "info");
  CHECK(logs[0].text == "level HEALTHY after 1 s");

  run.document("metrics", metrics("3", "4"));
  run.advance(3s);
  logs = run.logs();
  REQUIRE(logs.size() == 3);
  CHECK(logs[2].text == "level OVERLOAD after 4 s");
  CHECK(run.faults() == 0);
}

TEST_CASE("the interval is the configuration's") {
  harness run{plugin, "interval = \"5s\""};
  run.document("metrics", metrics("1", "0"));
  run.advance(10s);
  CHECK(run.logs().size() == 2);
}

TEST_CASE("without metrics, or with what it does not know, it warns and goes on") {
  harness run{plugin};
  run.advance(1s);
  for (const std::string& text :
       {std::string{}, metrics("4", "1"), metrics("?", "1"), std::string{"\nsluice_level{"}}) {
    run.document("metrics", text);
    run.advance(1s);
  }
  const auto logs = run.logs();
  REQUIRE(logs.size() == 5);
  for (const auto& line : logs) CHECK(line.kind == "warn");
  run.document("metrics", metrics("2", "7"));
  run.advance(1s);
  CHECK(run.logs().size() == 1);
}
