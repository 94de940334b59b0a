// From a checked spec to lanes: which stage runs where, and what leads to what.
#include "runtime/engine.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <stdexcept>

namespace sluice::runtime {

engine::engine(config::pipeline_spec spec, const clock& time, logger log, bool may_wait)
    : spec_{std::move(spec)},
      shared_{time, std::move(log), spec_},
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
  for (const config::stage_spec& each : spec_.stages) {
    for (std::uint32_t i = 0; i < each.plugin->emit_count; ++i)
      shared_.formats.number(sluice::view(each.plugin->emits[i]));
    shared_.formats.add_codecs(*each.plugin, each.library);
  }
  build(may_wait);
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

/// A guard has as many copies as the sink behind it.
std::uint32_t engine::shards_of(std::uint32_t number) const {
  const config::stage_spec& spec = spec_.stages[number];
  if (spec.plugin->kind == SLUICE_SINK) return spec.shards;
  if (spec.plugin->kind != SLUICE_GUARD) return 1;
  for (const config::stage_spec& each : spec_.stages)
    for (const config::edge_spec& edge : each.inputs)
      if (edge.from == number) return each.shards;
  return 1;
}

void engine::build(bool may_wait) {
  of_spec_.resize(spec_.stages.size());
  for (std::uint32_t number = 0; number < spec_.stages.size(); ++number) {
    const config::stage_spec& spec = spec_.stages[number];
    const bool begins = begins_lane(number);
    const std::uint32_t shards = shards_of(number);
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      lane* in = nullptr;
      if (begins) {
        std::unique_ptr<record_queue> queue;
        if (!spec.inputs.empty())
          queue = std::make_unique<record_queue>(*spec.queue, spec_.max_keys, may_wait,
                                                 spec.plugin->kind == SLUICE_GUARD);
        lanes_.push_back(std::make_unique<lane>(static_cast<std::uint32_t>(lanes_.size()), shared_,
                                                std::move(queue)));
        in = lanes_.back().get();
      } else {
        in = instances_[of_spec_[spec.inputs.front().from][shard]].in;
      }
      const std::string name = shards == 1 ? spec.name : spec.name + "/" + std::to_string(shard);
      auto made = std::make_unique<stage>(spec, name, static_cast<std::uint32_t>(instances_.size()),
                                          shared_);
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
      condition when{input.where, shared_.formats};
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
