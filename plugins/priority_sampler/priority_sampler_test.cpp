#include "priority_sampler.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>

using sluice::testing::harness;
using sluice::testing::input;
using sluice::testing::output;

namespace {

constexpr auto& plugin = sluice::plugin_of<sluice::priority_sampler::priority_sampler>;

sluice_pressure at(std::uint32_t level) { return {sizeof(sluice_pressure), level, 0, 0, 0, 0}; }

std::vector<input> records(std::uint64_t keys, int rounds,
                           sluice::priority priority = sluice::priority::normal) {
  std::vector<input> made;
  for (int i = 0; i < rounds; ++i)
    for (std::uint64_t key = 1; key <= keys; ++key)
      made.push_back({.key = key, .priority = priority});
  return made;
}

double kept(const std::vector<output>& of, std::uint64_t key) {
  double count = 0;
  for (const output& each : of) count += each.key == key;
  return count;
}

std::string refusal(const std::string& settings) {
  try {
    harness{plugin, settings};
  } catch (const std::exception& refused) {
    return refused.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the watch list passes whole with priority 0, the others keep the level's share") {
  for (const auto& [level, keep] : {std::pair{SLUICE_HEALTHY, 1.0},
                                    {SLUICE_WARNING, 0.8},
                                    {SLUICE_CRITICAL, 0.5},
                                    {SLUICE_OVERLOAD, 0.2}}) {
    harness run{plugin, "watch = [2]"};
    run.pressure(at(static_cast<std::uint32_t>(level)));
    run.push(records(3, 200));
    const auto out = run.outputs();
    CHECK(kept(out, 2) == 200);
    CHECK(std::abs(kept(out, 1) - 200 * keep) <= 1);
    CHECK(std::abs(kept(out, 3) - 200 * keep) <= 1);
    for (const output& each : out) {
      CHECK(each.priority == (each.key == 2 ? sluice::priority::high : sluice::priority::normal));
      CHECK(each.weight == doctest::Approx(each.key == 2 ? 1 : 1 / keep));
    }
    CHECK(run.count().dropped[SLUICE_DROP_SAMPLED] == 600 - out.size());
    CHECK(run.metric("keep_ratio") == doctest::Approx(keep));
    CHECK(run.metric("watched_instruments") == 1);
    CHECK(run.balanced());
  }
}

TEST_CASE("best effort has priority 2 and loses first, but nothing while the others lose nothing") {
  harness run{plugin, "best_effort = [2]"};
  run.push(records(2, 200));
  auto out = run.outputs();
  CHECK(kept(out, 2) == 200);
  for (const output& each : out)
    CHECK(each.priority == (each.key == 2 ? sluice::priority::low : sluice::priority::normal));

  run.pressure(at(SLUICE_WARNING));
  run.push(records(2, 200));
  out = run.outputs();
  CHECK(std::abs(kept(out, 1) - 160) <= 1);
  CHECK(std::abs(kept(out, 2) - 80) <= 1);

  harness other{plugin, "best_effort_share = 0.25"};
  other.pressure(at(SLUICE_CRITICAL));
  other.push(records(1, 200, sluice::priority::low));  // the source's own word
  CHECK(std::abs(kept(other.outputs(), 1) - 25) <= 1);
}

TEST_CASE("priority 0 of the source passes whole") {
  harness run{plugin, "best_effort = [1]"};
  run.pressure(at(SLUICE_OVERLOAD));
  run.push(records(1, 50, sluice::priority::high));
  const auto out = run.outputs();
  CHECK(out.size() == 50);
  CHECK(out.front().priority == sluice::priority::high);
}

TEST_CASE("lists name attributes, and a key is the more exact word") {
  harness run{
      plugin,
      "watch = ['symbol=NIFTY 50', '4']\nbest_effort = ['type=options', '5', 'type=index']"};
  run.attributes({"symbol", "type"}, {{1, {"NIFTY 50", "index"}},
                                      {2, {"INFY", "equity"}},
                                      {3, {"NIFTY24000CE", "options"}},
                                      {4, {"NIFTY25000CE", "options"}},
                                      {5, {"NIFTY 50", "equity"}}});
  run.push(records(6, 1));
  std::map<std::uint64_t, sluice::priority> priority;
  for (const output& each : run.outputs()) priority[each.key] = each.priority;
  using enum sluice::priority;
  CHECK(priority == std::map<std::uint64_t, sluice::priority>{
                        {1, high}, {2, normal}, {3, low}, {4, high}, {5, low}, {6, normal}});
}

TEST_CASE("attributes that change are read anew") {
  harness run{plugin, "watch = ['symbol=A']"};
  const auto priority = [&] {
    run.push(input{.key = 1});
    return run.outputs().at(0).priority;
  };
  CHECK(priority() == sluice::priority::normal);
  run.attributes({"symbol"}, {{1, {"A"}}});
  CHECK(priority() == sluice::priority::high);
  CHECK(run.metric("watched_instruments") == 1);
  run.attributes({"symbol"}, {{1, {"B"}}});
  CHECK(priority() == sluice::priority::normal);
  CHECK(run.metric("watched_instruments") == 0);
}

TEST_CASE("at most 100 instruments are watched, those named by key first; more is an alert") {
  harness run{plugin, "watch = ['type=equity', '990', '991']"};
  std::vector<std::pair<std::uint64_t, std::vector<std::string>>> rows;
  for (std::uint64_t key = 1; key <= 120; ++key) rows.push_back({key, {"equity"}});
  run.attributes({"type"}, rows);
  run.push(records(120, 2));
  run.push({{.key = 990}, {.key = 991}});
  int high = 0;
  for (const output& each : run.outputs()) high += each.priority == sluice::priority::high;
  CHECK(high == 2 * 98 + 2);
  CHECK(run.metric("watched_instruments") == 100);
  const auto events = run.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == "watch_full");
}

TEST_CASE("bad lists are refused, each entry by its key") {
  CHECK(refusal("watch = [5, 'x']").find("watch: \"x\": allowed are a key (408065)") !=
        std::string::npos);
  for (const char* wrong : {"", "=", "type=", "=options", "-1", "12a", "99999999999999999999"})
    CHECK(refusal("best_effort = ['" + std::string{wrong} + "']").find("best_effort: \"") !=
          std::string::npos);
  CHECK(refusal("watch = [5, 6]\nbest_effort = [7, '06']")
            .find("best_effort: 6 is in watch too, and what is watched is never sampled") !=
        std::string::npos);
  CHECK(refusal("watch = ['type=options']\nbest_effort = ['type=options']")
            .find("best_effort: type=options is in watch too") != std::string::npos);
  std::string many = "watch = [";
  for (int key = 1; key <= 101; ++key) many += std::to_string(key) + ",";
  CHECK(refusal(many + "]").find("watch: 101 entries: allowed are at most 100") !=
        std::string::npos);
  CHECK(refusal("keep_overload = 0.6").find("keep_overload: 0.6 is more than keep_critical") !=
        std::string::npos);
  CHECK(refusal("").empty());
}
