// The control loop as it ships, from feed to sink, under random settings, load and faults.
#include "invariants.hpp"
#include "random_scenario.hpp"

#include "plugin/loader.hpp"
#include "random_test.hpp"
#include "scenario/expect.hpp"
#include "scenario/read.hpp"
#include "scenario/run.hpp"

#include <doctest/doctest.h>

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sluice;

/// Plugins as they are installed, each loaded once.
class plugins {
 public:
  config::found_plugin find(std::string_view name) const {
    for (const auto& each : loaded_)
      if (view(each.plugin->name) == name) return each;
    throw std::runtime_error{"no plugin is called " + std::string{name}};
  }

 private:
  static config::found_plugin load(const std::string& name) {
    return plugin::load_file(SLUICE_PLUGINS "/" + name + ".so");
  }
  const std::vector<config::found_plugin> loaded_{load("kite_source"),  load("adaptive_sampler"),
                                                  load("load_shedder"), load("circuit_breaker"),
                                                  load("redis_sink"),   load("spool")};
};

/// One run: what did not hold, empty if all did, and what a spool did.
struct judged {
  std::string told;
  std::uint64_t spooled = 0, left_in_spool = 0;
};

judged judge_run(const sim::random_scenario& made, std::uint64_t seed, const plugins& from) {
  const scenario::read_result result = scenario::read_text(
      made.text, "seed.toml", [&](std::string_view name) { return from.find(name); });
  judged run;
  std::string& told = run.told;
  for (const config::diagnostic& each : result.errors) told += to_string(each) + "\n";
  if (result.read) {
    sim::invariants rules{std::uint64_t{made.batch} * made.window};
    const scenario::outcome seen =
        scenario::run(*result.read, seed, [&](const runtime::snapshot& now) { rules.look(now); });
    rules.look(seen.events);
    for (const std::string& each : rules.broken()) told += each + "\n";
    for (const scenario::verdict& each : scenario::judge(*result.read, seen))
      if (!each.passed) told += each.wanted + ": " + each.got + "\n";
    const runtime::stage_state& feed = seen.end.stages.front();
    if (feed.count.created != seen.seen.received_total())
      told += "the feed gave " + std::to_string(seen.seen.received_total()) + ", of which " +
              std::to_string(feed.count.created) + " were received\n";
    run.spooled = seen.end.total.absorbed;
    run.left_in_spool = run.spooled - (seen.end.total.created - feed.count.created);
  }
  return run;
}

/// That goes with its scope.
struct folder {
  folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
  ~folder() { std::filesystem::remove_all(path); }
  folder(const folder&) = delete;
  std::string path = (std::filesystem::temp_directory_path() / "sluice-sim-XXXXXX").string();
};

}  // namespace

TEST_CASE("whatever goes wrong, the rules hold, and once it is over all is kept again") {
  const plugins from;
  for_test_seeds(SLUICE_SEEDS, [&](std::uint64_t seed) {
    const sim::random_scenario made = sim::make_scenario(seed);
    INFO(made.text);
    CHECK(judge_run(made, seed, from).told == "");
  });
}

TEST_CASE("with a spool the same, and all that it kept is sent, once and in order") {
  const plugins from;
  std::uint64_t spooled = 0;
  for_test_seeds(SLUICE_SPOOL_SEEDS, [&](std::uint64_t seed) {
    const folder scratch;
    const sim::random_scenario made = sim::make_scenario(seed, scratch.path);
    INFO(made.text);
    const judged run = judge_run(made, seed, from);
    CHECK(run.told == "");
    CHECK(run.left_in_spool == 0);
    spooled += run.spooled;
  });
  if (!one_test_seed()) CHECK(spooled > 0);
  MESSAGE(spooled << " records were spooled");
}
