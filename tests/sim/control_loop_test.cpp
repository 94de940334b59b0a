// The control loop as it ships, from feed to sink, under random settings, load and faults.
#include "invariants.hpp"
#include "random_scenario.hpp"

#include "plugin/loader.hpp"
#include "runtime/test_seed.hpp"
#include "scenario/expect.hpp"
#include "scenario/read.hpp"
#include "scenario/run.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
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
  const std::vector<config::found_plugin> loaded_{load("kite_source"), load("adaptive_sampler"),
                                                  load("load_shedder"), load("circuit_breaker"),
                                                  load("redis_sink")};
};

/// What did not hold in the run of one seed; empty if all did.
std::string failures_of(const sim::random_scenario& made, std::uint64_t seed, const plugins& from) {
  const scenario::read_result result = scenario::read_text(
      made.text, "seed.toml", [&](std::string_view name) { return from.find(name); });
  std::string told;
  for (const config::diagnostic& each : result.errors) told += to_string(each) + "\n";
  if (result.read) {
    sim::invariants rules{std::uint64_t{made.batch} * made.window};
    const scenario::outcome seen =
        scenario::run(*result.read, seed, [&](const runtime::snapshot& now) { rules.look(now); });
    rules.look(seen.events);
    for (const std::string& each : rules.broken()) told += each + "\n";
    for (const scenario::verdict& each : scenario::judge(*result.read, seen))
      if (!each.passed) told += each.wanted + ": " + each.got + "\n";
    if (seen.end.total.created != seen.seen.received_total())
      told += "the feed gave " + std::to_string(seen.seen.received_total()) + ", of which " +
              std::to_string(seen.end.total.created) + " were received\n";
  }
  return told;
}

}  // namespace

TEST_CASE("whatever goes wrong, the rules hold, and once it is over all is kept again") {
  const plugins from;
  const bool one = std::getenv("SLUICE_SEED") != nullptr;
  const std::uint64_t first = runtime::test_seed(), end = first + (one ? 1 : SLUICE_SEEDS);
  for (std::uint64_t seed = first; seed < end; ++seed) {
    INFO("SLUICE_SEED=", seed);
    const sim::random_scenario made = sim::make_scenario(seed);
    INFO(made.text);
    CHECK(failures_of(made, seed, from) == "");
  }
}
