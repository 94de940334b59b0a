// From a checked spec to lanes: which stage runs where, and what leads to what.
#include "runtime/engine.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <stdexcept>

namespace sluice::runtime {

engine::engine(config::pipeline_spec spec, const clock& time, logger log, bool may_wait)
    : spec_{std::move(spec)},
      shared_{time, std::move(log), spec_},
      may_wait_{may_wait},
      started_{time.now()},
      last_tick_{time.now()} {
  tick_times_.fill(started_);
  shared_.stop = [this](std::string_view by) {
    {
      const std::lock_guard lock{tick_mutex_};
      if (stopped_by_.empty()) stopped_by_ = by;
    }
    begin_drain();
  };
  shared_.retire = [](std::unique_ptr<plugin_object>) {};  // destroyed where it stands
  build();
}

/// A stage without a queue runs in the one lane of what it takes from.
bool engine::begins_lane(std::uint32_t number) const {
  const config::stage_spec& spec = spec_.stages[number];
  if (spec.inputs.empty() || spec.queue) return true;
  const lane* first = instances_[of_spec_[spec.inputs.front().from].front()].in;
  for (const config::edge_spec& edge : spec.inputs)
    if (instances_[of_spec_[edge.from].front()].in != first)
      throw std::invalid_argument{spec.name + ": takes from several lanes and has no queue"};
  return false;
}

std::uint32_t engine::shards_of(const config::pipeline_spec& in, std::uint32_t number) {
  const config::stage_spec& spec = in.stages[number];
  if (spec.plugin->kind == SLUICE_SINK) return spec.shards;
  if (spec.plugin->kind != SLUICE_GUARD) return 1;
  for (const config::stage_spec& each : in.stages)
    for (const config::edge_spec& edge : each.inputs)
      if (edge.from == number) return each.shards;
  return 1;
}

void engine::know(const config::stage_spec& of) {
  for (std::uint32_t i = 0; i < of.plugin->emit_count; ++i)
    shared_.formats.number(sluice::view(of.plugin->emits[i]));
  shared_.formats.add_codecs(*of.plugin, of.library);
}

std::unique_ptr<stage> engine::make_stage(const config::stage_spec& of, std::string name) {
  know(of);
  return std::make_unique<stage>(of, std::move(name), next_stage_++, shared_);
}

std::unique_ptr<lane> engine::make_lane(const config::stage_spec& leader) {
  std::unique_ptr<record_queue> queue;
  if (!leader.inputs.empty())
    queue = std::make_unique<record_queue>(*leader.queue, spec_.max_keys, may_wait_,
                                           leader.plugin->kind == SLUICE_GUARD);
  return std::make_unique<lane>(next_lane_++, shared_, std::move(queue));
}

void engine::build() {
  for (const config::codecs_spec& each : spec_.codecs)
    shared_.formats.add_codecs(*each.found, each.library);
  of_spec_.resize(spec_.stages.size());
  for (std::uint32_t number = 0; number < spec_.stages.size(); ++number) {
    const config::stage_spec& spec = spec_.stages[number];
    const bool begins = begins_lane(number);
    const std::uint32_t shards = shards_of(spec_, number);
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      lane* in = nullptr;
      if (begins) {
        lanes_.push_back(make_lane(spec));
        in = lanes_.back().get();
      } else {
        in = instances_[of_spec_[spec.inputs.front().from][shard]].in;
      }
      auto made =
          make_stage(spec, shards == 1 ? spec.name : spec.name + "/" + std::to_string(shard));
      of_spec_[number].push_back(instances_.size());
      instance entry;
      entry.spec = number;
      entry.made = made.get();
      entry.in = in;
      entry.leads = begins;
      instances_.push_back(std::move(entry));
      in->add(std::move(made));
    }
  }
  for (std::uint32_t number = 0; number < spec_.stages.size(); ++number) connect(number);
  for (const auto& each : lanes_) each->seal();
  find_sinks();
}

void engine::connect(std::uint32_t number) {
  for (const config::edge_spec& input : spec_.stages[number].inputs) {
    if (spec_.stages[input.from].plugin->kind == SLUICE_GUARD) continue;  // the driver's own way
    for (const std::size_t from : of_spec_[input.from]) {
      condition when = condition_of(input.where);
      const instance& to = instances_[of_spec_[number].front()];
      if (!to.leads) {
        instances_[from].made->connect({std::move(when), *to.made});
        continue;
      }
      std::vector<port> ports;
      for (const std::size_t each : of_spec_[number])
        ports.push_back({instances_[each].in->queue(), instances_[each].in});
      instances_[from].made->connect({std::move(when), std::move(ports)});
    }
  }
}

void engine::find_sinks() {
  // Stages are in topological order: from the back, each knows the sinks of what follows it.
  for (instance& each : instances_) each.sinks.clear();
  for (std::size_t i = instances_.size(); i-- > 0;) {
    instance& each = instances_[i];
    if (each.made->is(SLUICE_SINK)) each.sinks = {i};
    std::sort(each.sinks.begin(), each.sinks.end());
    each.sinks.erase(std::unique(each.sinks.begin(), each.sinks.end()), each.sinks.end());
    for (const config::edge_spec& input : spec_.stages[each.spec].inputs)
      for (const std::size_t from : of_spec_[input.from])
        if (spec_.stages[input.from].plugin->kind != SLUICE_GUARD || instances_[from].in == each.in)
          instances_[from].sinks.insert(instances_[from].sinks.end(), each.sinks.begin(),
                                        each.sinks.end());
  }
}

}  // namespace sluice::runtime
