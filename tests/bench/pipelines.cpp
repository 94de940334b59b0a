#include "pipelines.hpp"

#include "config/load.hpp"
#include "plugin/loader.hpp"
#include "runtime/engine.hpp"
#include "stages.hpp"
#include "timing.hpp"

#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace bench {
namespace {

namespace config = sluice::config;
namespace runtime = sluice::runtime;

std::optional<std::string> no_variable(std::string_view) { return std::nullopt; }

config::found_plugin find(std::string_view name) {
  if (name == pusher::about.name) return {&sluice::plugin_of<pusher>, nullptr};
  if (name == passer::about.name) return {&sluice::plugin_of<passer>, nullptr};
  if (name == dropper::about.name) return {&sluice::plugin_of<dropper>, nullptr};
  if (name == swallower::about.name) return {&sluice::plugin_of<swallower>, nullptr};
  const char* path = std::getenv("SLUICE_PLUGIN_PATH");
  return sluice::plugin::loader{
      sluice::plugin::make_search_path(
          {}, path == nullptr ? std::nullopt : std::optional<std::string>{path},
          sluice::plugin::this_executable())}
      .find(name);
}

config::pipeline_spec spec_of(const stage_names& stages) {
  std::string text = "[pipeline]\nname = 'bench'\n";
  for (std::size_t i = 0; i < stages.size(); ++i)
    text += "[[stage]]\nplugin = '" + stages[i] + "'\nname = 'stage" + std::to_string(i) + "'\n";
  config::load_result result = config::load_text(text, "bench", &find, &no_variable);
  if (!result.pipeline) throw std::runtime_error{config::to_string(result.errors.front())};
  return std::move(*result.pipeline);
}

/// A pipeline that has started.
struct running {
  running(const stage_names& stages, const sluice_pressure& seen)
      : engine{spec_of(stages), clock, [](auto...) {}, false} {
    engine.create_stages([](runtime::stage& each) { each.create(); });
    for (const auto& each : engine.lanes()) {
      for (const auto& one : each->stages()) each->set_pressure(*one, seen);
      each->step();
    }
  }
  const runtime::system_clock clock;
  runtime::engine engine;
};

constexpr std::uint32_t records_a_step = pusher::pushes * batch_size;

}  // namespace

double lane_cost(const stage_names& between, const sluice_pressure& seen) {
  stage_names all{"pusher"};
  all.insert(all.end(), between.begin(), between.end());
  all.insert(all.end(), {"dropper", "swallower"});
  running pipeline{all, seen};
  runtime::lane& lane = *pipeline.engine.lanes().front();
  return time_of(2'000, [&](std::uint32_t) { lane.step(); }) / records_a_step;
}

double sink_cost(const stage_names& guard) {
  stage_names all{"pusher"};
  all.insert(all.end(), guard.begin(), guard.end());
  all.push_back("swallower");
  running pipeline{all, no_pressure};
  runtime::lane& source = *pipeline.engine.lanes().front();
  runtime::lane& sink = *pipeline.engine.lanes().back();
  return time_of(1'000,
                 [&](std::uint32_t) {
                   source.step();
                   while (sink.step()) {
                   }
                 }) /
         records_a_step;
}

}  // namespace bench
