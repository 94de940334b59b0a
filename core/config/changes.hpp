// What differs between a pipeline that runs and what its file says now.
#pragma once

#include "config/pipeline.hpp"

#include <string>
#include <vector>

namespace sluice::config {

enum class change : std::uint8_t {
  add,          ///< the stage is new
  remove,       ///< it is gone
  swap,         ///< another plugin, another library, or other values than those of live rows alone
  reconfigure,  ///< the same plugin with other values of live rows
  switch_off,   ///< bypassed from now on
  switch_on,    ///< no longer bypassed; its values may have changed too
  rewire,       ///< takes its input from elsewhere, or another part of it
  keys          ///< what the host reads of it alone: on_fault
};
/// "add", "remove", ...
const char* change_name(change what);

struct stage_change {
  change what;
  std::string stage;
  std::string text;  ///< for people: "plugin adaptive_sampler -> priority_sampler", "headroom 0.9
                     ///< -> 0.8"; never a secret
};

struct comparison {
  /// In an order in which they can be done; of one stage a rewire comes last. Removals come first.
  std::vector<stage_change> changes;
  std::vector<std::string> pipeline;  ///< changed keys of the pipeline and its level: "level.mode"
  /// What cannot be done while it runs, each with its reason: "pipeline.max_keys: 100 -> 200 needs
  /// a restart".
  std::vector<std::string> restarts;

  bool empty() const { return changes.empty() && pipeline.empty() && restarts.empty(); }
};

/// Stages are the same by name. Needs a restart: pipeline.name, max_keys, metrics_prefix, codecs;
/// of a stage its kind, queue, shards, hold, and whether it begins a lane; a guard added, removed
/// or moved without its sink.
comparison compare(const pipeline_spec& now, const pipeline_spec& next);

}  // namespace sluice::config
