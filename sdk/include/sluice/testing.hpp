// sluice/testing.hpp - run one stage as the core would, in a unit test, on virtual time.
//
//   sluice::testing::harness run{sluice::plugin_of<my_filter>, "minimum = 10"};
//   run.push({.key = 7, .text = "abc"});
//   CHECK(run.outputs().size() == 1);
//   CHECK(run.balanced());
//
// The stage stands in a real pipeline: before it a source that pushes what the test says, behind it
// a sink that keeps what comes. Nothing sleeps; a harness is for one thread. Link sluice::testing.
#pragma once

#include <sluice/stage.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::testing {

/// A record a test hands over.
struct input {
  std::uint64_t key = 1;
  std::string text{};  ///< the payload
  std::string schema = "test/1";
  sluice::priority priority = priority::normal;
  float weight = 1;
  std::uint8_t flags = 0;
  sluice::duration exchange_time{};  ///< unix time
};

/// A record that came out of the stage.
struct output {
  std::uint64_t key = 0, seq = 0;
  std::uint32_t index = 0;
  std::string text, schema;
  sluice::priority priority = priority::normal;
  std::uint8_t flags = 0;
  float weight = 1;
  sluice::time_point received{};
};

/// One stage's side of the ledger.
struct counts {
  std::uint64_t created = 0, in = 0, out = 0, published = 0, absorbed = 0, failed = 0, unknown = 0;
  std::uint64_t held = 0;                        ///< queued, stored, unacknowledged
  std::uint64_t dropped[SLUICE_DROP_REASONS]{};  ///< by SLUICE_DROP_*
};

struct message {
  std::string kind;  ///< an event's kind, or "debug", "info", "warn", "error"
  std::string text;
};

/// A stage's own word on how hard-pressed the pipeline is (ext/signals.h).
struct signal {
  std::string name;
  sluice::level level = level::healthy;
  std::string cause;
};

struct options {
  /// Real time and real polls, for a stage with sockets; `run_until` is then what waits.
  bool real_time = false;
  /// Most records of the stage's queue if it is a sink or a guard, 10,000 unless given; else of the
  /// queue behind it, 65,536.
  std::optional<std::uint32_t> queue{};
  /// Environment variables its configuration sees.
  std::vector<std::pair<std::string, std::string>> environment{};
};

class __attribute__((visibility("default"))) harness {
 public:
  /// `settings` is the stage's part of a pipeline file. Throws std::runtime_error with every error
  /// of the settings, or with what the stage's constructor threw.
  explicit harness(const sluice_plugin& plugin, std::string_view settings = "",
                   const options& with = {});
  ~harness();
  harness(harness&&) noexcept;

  /// What the source knows of keys: names, and for each key as many values.
  void attributes(const std::vector<std::string>& names,
                  const std::vector<std::pair<std::uint64_t, std::vector<std::string>>>& rows);

  /// One batch (more than SLUICE_BATCH_MAX: several). Runs the lane until it is idle.
  void push(std::span<const input> records);
  void push(std::initializer_list<input> records) {
    push(std::span{records.begin(), records.size()});
  }
  void push(const input& record) { push(std::span{&record, 1}); }

  time_point now() const;
  /// Moves virtual time on, waking the stage when it asked for it.
  void advance(duration by);
  /// Steps until `done` says so; false when `limit` (real or virtual time) is over first. In real
  /// time no test should need it, on however busy a machine.
  bool run_until(const std::function<bool()>& done, duration limit = std::chrono::seconds{60});

  /// What the stage sees as the worst sink it can reach, from the next batch on.
  void pressure(const sluice_pressure& now);
  /// Whether what stands behind the stage takes nothing: records then wait in options::queue.
  void stall(bool on);
  /// What a service reads as the document `what` (ext/control.h). None is there before.
  void document(std::string_view what, std::string text);
  /// What a service told the pipeline to do since the last call, each a JSON object; nothing is
  /// done. They are numbered from 1.
  std::vector<std::string> commands();
  /// The n-th call from now on (1: the next) that the stage makes to the host answers
  /// SLUICE_FAILED. Calls: emit hold release drop_held push discard report secret document
  /// command.
  void fail_host_call(std::uint64_t nth);

  /// What came out since the last call.
  std::vector<output> outputs();
  std::vector<message> events();
  std::vector<message> logs();
  counts count() const;
  /// A metric the stage exported (ext/metrics.h), by name. Throws std::out_of_range.
  double metric(std::string_view name) const;
  /// What the stage's signals stand for, those above healthy.
  std::vector<signal> signals() const;
  std::uint64_t faults() const;
  /// The stage's ledger adds up, held being what is really there.
  bool balanced() const;

  /// Puts a new object in the stage's place between two batches, as `sluice swap` does
  /// (ext/swap.h): of the same plugin, or of another of its kind. State and what is held go over.
  /// Should the first batch fail, the old one is back: event "swap_reverted". A sink's successor
  /// must be ready within 5 s; a sink and a source drain before, for 1 s at most. Throws
  /// std::runtime_error with why it was refused; the old one goes on.
  void swap(const sluice_plugin& next, std::string_view settings = "");
  /// What the stage would hand over to its successor now, as its save() writes it (ext/swap.h).
  /// Throws std::runtime_error with why there is nothing.
  std::vector<std::uint8_t> state();
  /// Gives the stage new values of its live rows while it runs. Throws std::runtime_error with why
  /// it refused them: nothing has changed.
  void reconfigure(std::string_view settings);

  /// Drains as at the end of a pipeline; true if the stage was done within `limit`.
  bool drain(duration limit = std::chrono::seconds{60});

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace sluice::testing
