// What may be changed of a running pipeline, and the receipt of it.
#pragma once

#include "config/changes.hpp"
#include "config/pipeline.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sluice::runtime {

/// What the pipeline is to become, of what it is; it may load plugins. Throws std::runtime_error
/// with why it cannot be.
using config_maker = std::function<config::pipeline_spec(const config::pipeline_spec& now)>;

struct change_options {
  std::string only;           ///< this stage alone, whatever else differs; empty: all
  bool dry_run = false;       ///< say what would be done, and whether it would be refused
  bool allow_gap = false;     ///< a source may be stopped and started anew
  bool lose_state = false;    ///< a stage may begin without the state of the one it replaces
  std::int64_t trial_ns = 0;  ///< back again after that unless confirmed, and at once if the level
                              ///< gets worse or the stage faults; 0: no trial
};

/// What became of one stage.
struct stage_receipt {
  std::string stage;
  config::change what = config::change::swap;
  std::string text;      ///< as stage_change
  std::string from, to;  ///< "adaptive_sampler 1.0.0"; empty for what is added or removed
  bool done = false;
  std::string error;  ///< why not
  std::string state;  ///< the schema that was handed over; empty: none was
  std::uint64_t state_bytes = 0;
  std::uint64_t carried = 0;   ///< records held or queued that went over
  std::uint64_t released = 0;  ///< records held that went on instead
  std::uint64_t lost = 0;      ///< dropped for the change's sake
  std::uint64_t unknown = 0;   ///< of a sink: sent, their outcome was not waited for
  std::int64_t pause_ns = 0;   ///< for which its lane did nothing else
  bool proven = false;         ///< a first batch, or as much, has passed it
};

struct receipt {
  std::uint64_t operation = 0;  ///< its number, from 1
  bool done = false;            ///< all of it; else nothing of it is left
  bool dry_run = false;
  std::string error;  ///< why not
  std::string hash;   ///< of the configuration that runs now
  std::int64_t trial_ns = 0;
  std::vector<stage_receipt> stages;
  std::vector<std::string> pipeline;  ///< keys of the pipeline that changed
};

}  // namespace sluice::runtime
