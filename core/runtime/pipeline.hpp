// A running pipeline: stages in lanes, their ledger, their end.
#pragma once

#include "config/pipeline.hpp"
#include "runtime/change/change.hpp"
#include "runtime/clock.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/tap/tap_question.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::runtime {

/// severity is SLUICE_DEBUG ... SLUICE_ERROR. Called on any thread; must not throw.
using logger =
    std::function<void(std::uint32_t severity, std::string_view stage, std::string_view message)>;

/// A document of the whole pipeline by name, its events those numbered above `after`; none of that
/// name: nullopt. Throws std::invalid_argument for a question with a mistake. Called in services'
/// lanes; ext/control.h.
using document_reader =
    std::function<std::optional<std::string>(std::string_view what, std::uint64_t after)>;

/// Takes a command, a JSON object, of the service `by`: the operation's number. Throws
/// std::runtime_error for one that it does not know. Called in services' lanes.
using command_taker = std::function<std::uint64_t(std::string_view request, std::string_view by)>;

class pipeline {
 public:
  /// Creates every stage, each within a deadline. Throws std::runtime_error naming the stage. If
  /// one hangs in it (plugin::left_behind), `time` and what `log` uses must not end before the
  /// process does.
  pipeline(config::pipeline_spec spec, const clock& time, logger log);
  /// Destroys every stage, each within a deadline, and logs which one hangs in it; as above.
  ~pipeline();

  /// What services read of the whole, and tell it to do. Before `start`.
  void answer_with(document_reader reader, command_taker taker);

  /// Starts the lanes' threads.
  void start();

  /// Every 100 ms, always on the same thread: reads all stages, feeds the level, watches for hung
  /// lanes, ends a drain that is over its limit. Aborts the process for a lane that hung for 10 s.
  void tick();

  /// Any thread. Sources stop, what is under way is finished within the pipeline's limit.
  void begin_drain();
  /// Any thread. As engine::force_guard.
  sluice_status force_guard(std::string_view stage, std::uint32_t state);
  /// Any thread. As engine::force_level.
  void force_level(std::optional<std::uint32_t> to);
  /// Any thread, from `start` on. As changer::change, in turn and on a thread for it; `told` gets
  /// the receipt there, once, at the pipeline's end at the latest.
  void change(config_maker next, change_options with, std::function<void(const receipt&)> told);
  /// Any thread, from `start` on. What is on trial stays; `told` whether anything was, as above.
  void confirm(std::function<void(bool)> told);
  /// Any thread. An event, and a line of the log.
  void tell(std::uint32_t severity, std::string_view stage, std::string_view kind,
            std::string_view message);
  /// Any thread. Ends a drain at once: what is left is dropped as `shutdown`.
  void stop_now();
  /// All lanes have ended.
  bool stopped() const;
  /// After `stopped`: whether shutdown + failed + unknown grew since the drain began.
  bool drained_with_loss() const;

  /// Any thread. What runs now.
  config::pipeline_spec spec() const;
  /// Any thread.
  snapshot read() const;
  /// The last 1024 at most, those numbered above `after`. Any thread.
  std::vector<event> events(std::uint64_t after) const;
  /// Any thread. As taps::read.
  std::string tap(const tap_question& asked, std::uint64_t after);

 private:
  void end_stages();

  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace sluice::runtime
