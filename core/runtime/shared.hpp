// What all stages of one pipeline share.
#pragma once

#include "runtime/clock.hpp"
#include "runtime/pipeline.hpp"
#include "runtime/resolver.hpp"
#include "runtime/secret_cache.hpp"
#include "runtime/store/attributes.hpp"
#include "runtime/store/event_log.hpp"
#include "runtime/store/key_table.hpp"
#include "runtime/store/schemas.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace sluice::runtime {

class plugin_object;

struct shared {
  shared(const clock& given_time, logger given_log, const config::pipeline_spec& spec)
      : time{given_time},
        log{std::move(given_log)},
        pipeline{spec.name},
        window_ns{spec.window_ns},
        events{given_time},
        keys{spec.max_keys} {}

  /// An event, and a line of the log. Any thread.
  void tell(std::uint32_t severity, std::string_view stage, std::string_view kind,
            std::string_view message) {
    events.add(severity, stage, kind, message);
    log(severity, stage, std::string{kind} + ": " + std::string{message});
  }

  const clock& time;
  const logger log;
  const std::string pipeline;
  const std::int64_t window_ns;  ///< the longer one of latencies
  event_log events;
  index_space keys;
  schemas formats;
  runtime::attributes attributes;
  runtime::resolver resolver;
  secret_cache secrets{[this](bool reachable, std::string_view why) {
    if (reachable)
      tell(SLUICE_INFO, "", "secret_reachable", "secrets are read anew again");
    else
      tell(SLUICE_WARN, "", "secret_unreachable",
           "a secret stays as it was last read, if it was: " + std::string{why});
  }};

  /// For services; empty: there is nothing to read, to tell. Set before the lanes run.
  document_reader document;
  command_taker command;
  /// An object that is out of its stage: destroyed where plugin code may take its time. Any lane.
  std::function<void(std::unique_ptr<plugin_object>)> retire;
  /// A stage that must not go on: the pipeline drains. Any lane.
  std::function<void(std::string_view stage)> stop;
  std::atomic<bool> draining{false};
  std::atomic<std::uint32_t> data_lanes{0};  ///< that have not finished; all but the services'
  std::atomic<std::int64_t> drain_deadline{SLUICE_NEVER};
};

}  // namespace sluice::runtime
