#include "scenario/read_changes.hpp"

#include "config/changes.hpp"
#include "config/edit.hpp"
#include "config/text.hpp"

#include <filesystem>
#include <stdexcept>
#include <utility>

namespace sluice::scenario {

using config::in_quotes;

std::string beside(const std::string& file, const std::string& name) {
  return (std::filesystem::path{file}.parent_path() / name).lexically_normal().string();
}

change_reader::change_reader(scenario& of, const config::plugin_lookup& find,
                             config::environment variables, config::report& out,
                             std::vector<config::diagnostic>& elsewhere)
    : of_{of},
      find_{find},
      variables_{std::move(variables)},
      out_{out},
      elsewhere_{elsewhere},
      now_{of.pipeline} {}

void change_reader::read(const swap_spec& each, config::place at) {
  try {
    const config::node next = config::edited(now_, {each.stage, each.plugin, each.set}, find_);
    config::load_result loaded = config::load_document(next, now_.file, find_, variables_);
    for (const config::diagnostic& wrong : loaded.errors) out_.error(at, "swap: " + wrong.message);
    if (loaded.pipeline)
      add({each.at, "swap of " + each.stage, each.stage, each.lose_state,
           std::move(*loaded.pipeline)},
          "swap", at);
  } catch (const std::runtime_error& why) {
    out_.error(at, std::string{"swap: "} + why.what());
  }
}

void change_reader::read(const reload_spec& each, config::place at) {
  config::load_result loaded = config::load(beside(out_.file(), each.pipeline), find_, variables_);
  for (config::diagnostic& wrong : loaded.errors) elsewhere_.push_back(std::move(wrong));
  if (loaded.pipeline)
    add({each.at, "reload of " + each.pipeline, "", each.lose_state, std::move(*loaded.pipeline)},
        "reload", at);
}

/// Models stand in for sources and sinks, and stay as they are.
void change_reader::add(change_spec made, const std::string& key, config::place at) {
  const auto refuse_modelled = [&](const std::string& stage) {
    const std::uint32_t kind = kind_of(stage, made.after);
    if (kind == SLUICE_SOURCE || kind == SLUICE_SINK)
      out_.error(at, key + ": " + in_quotes(stage) + " is a " + config::kind_name(kind) +
                         "; allowed are changes of transforms and guards");
  };
  const config::comparison found = config::compare(now_, made.after);
  for (const std::string& each : found.restarts) out_.error(at, key + ": " + each);
  for (const config::stage_change& each : found.changes)
    if (each.what != config::change::rewire) refuse_modelled(each.stage);
  // A swap of a stage by its like is no difference.
  if (found.changes.empty() && !made.only.empty()) refuse_modelled(made.only);
  now_ = made.after;
  of_.changes.push_back(std::move(made));
}

/// Of a stage before or after a change.
std::uint32_t change_reader::kind_of(const std::string& stage,
                                     const config::pipeline_spec& after) const {
  for (const config::pipeline_spec* in : {&now_, &after})
    for (const config::stage_spec& each : in->stages)
      if (each.name == stage) return each.plugin->kind;
  return SLUICE_SERVICE;
}

}  // namespace sluice::scenario
