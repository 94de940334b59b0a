// One stage in its lane: its plugin, the host it sees, its side of the ledger.
#pragma once

#include "config/pipeline.hpp"
#include "runtime/edges.hpp"
#include "runtime/hold_store.hpp"
#include "runtime/shared.hpp"
#include "runtime/snapshot.hpp"

#include <sluice/abi.h>
#include <sluice/ext/metrics.h>

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::runtime {

class lane;
class sink_driver;

/// For the stage's lane, but where said.
class stage {
 public:
  stage(const config::stage_spec& spec, std::string name, std::uint32_t number, shared& with);
  ~stage();
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// [control] Makes the plugin's object. Throws std::runtime_error.
  void create();
  /// [control] Gives the plugin's object back, if there is one; the last call.
  void destroy();
  /// [control] Where it runs and what follows it. Once, before the lane starts.
  void place(lane& where) { lane_ = &where; }
  void connect(edge next) { edges_.push_back(std::move(next)); }
  /// The queues it pushes to.
  std::vector<port> ports() const;

  std::string_view label() const { return name_; }
  std::uint32_t number() const { return number_; }
  const sluice_plugin& plugin() const { return *spec_.plugin; }
  const config::stage_spec& spec() const { return spec_; }
  bool can(std::uint32_t capability) const { return (plugin().capabilities & capability) != 0; }
  bool is(std::uint32_t kind) const { return plugin().kind == kind; }
  bool bypassed() const { return bypassed_; }
  bool stopped() const { return stopped_; }

  /// Calls of the plugin. Each is ended by settling what it emitted, released and dropped.
  bool start();
  void accept(sluice_record* records, std::uint32_t count);
  void on_timer();
  void poll(std::int64_t wait_ns);
  /// True when done.
  bool drain(std::int64_t deadline);
  /// [any]
  void wake() const;

  std::int64_t wake_time() const { return wake_time_; }
  /// It has drained: what is still held is dropped as `shutdown`, no timer comes any more.
  void end();
  std::uint64_t held_in_store() const { return store_.size(); }
  void pass_on(sluice_record* records, std::uint32_t count);

  /// A fault of the plugin: counted, told, and after three in ten seconds the policy's turn. Within
  /// a call of the plugin that turn waits until the call is settled.
  void fault(std::string_view message);
  void end_call();
  /// A call that did not answer OK: a fault, unless the host told of its cause already.
  void call_failed(sluice_status status);
  /// Nothing more is asked of this stage: what comes is dropped as `fault`.
  void halt(std::string_view why);
  /// Something else in the lane did not start: nothing is asked of this stage.
  void never_start() { stopped_ = true; }

  /// For tests: the n-th from now of the host calls that may fail answers SLUICE_FAILED.
  void fail_host_call(std::uint64_t nth) { fail_in_ = nth; }

  counters count;
  std::uint64_t faults = 0;
  sluice_pressure pressure{};
  /// Only of a sink.
  sink_driver* driver = nullptr;

  /// [any]
  std::vector<metric_value> metrics() const;
  /// [any] Its contributions to the level, those above HEALTHY.
  std::vector<signal_state> signals() const;

  /// One call of a plugin's function, watched and with its error message. Returns its status.
  template <typename Function>
  sluice_status invoke(Function&& function);
  /// The same for a function that answers a number and no status, settled.
  template <typename Function>
  std::uint32_t ask(Function&& function);
  std::string_view error() const { return {error_text_.data(), error_size_}; }
  /// The plugin's object.
  void* self() const { return object_; }

 private:
  friend struct host_calls;

  /// What the plugin holds; host calls find their stage through it.
  struct host_table : sluice_host {
    runtime::stage* owner = nullptr;
  };
  struct insertion {
    std::uint32_t position;
    std::uint64_t handle;  // 0: emitted, else released
    std::size_t offset;    // in staged_bytes_
    sluice_record record;
  };
  struct staged_drop {
    std::uint64_t handle;
    std::uint32_t reason;
  };
  struct metric {
    std::string name, doc;
    std::uint32_t kind;
  };

  void fill_host_table();
  void settle(sluice_record* records, std::uint32_t count);
  void forward_merged(sluice_record* records, std::uint32_t count);
  void undo(std::uint32_t count);
  void clear_staged();
  bool answers_allowed(std::uint32_t count);
  bool headers_allowed(const sluice_record* records, std::uint32_t count);
  void apply_fault_policy(std::string_view message);
  std::uint32_t tally(sluice_record* records, std::uint32_t count);
  bool held_now(std::uint64_t handle) const;
  /// This thread is in a call of this stage.
  bool runs_here() const { return running_ == this; }
  void enter_bypass();
  void forget_signals();
  key_table& keys();

  static inline thread_local const stage* running_ = nullptr;

  host_table host_{};
  const config::stage_spec& spec_;
  const std::string name_;
  const std::uint32_t number_;
  shared& shared_;
  lane* lane_ = nullptr;
  void* object_ = nullptr;
  std::vector<edge> edges_;
  std::array<sluice_record, SLUICE_BATCH_MAX> branch_;  // an edge's own copies

  std::optional<key_table> keys_;  // of a stage that makes records
  hold_store store_;
  std::int64_t wake_time_ = SLUICE_NEVER;
  bool in_call_ = false, invalid_in_call_ = false;
  bool bypassed_ = false, stopped_ = false;
  std::string policy_due_;  // the fault within a call that brings the policy
  std::array<std::int64_t, 3> fault_times_{};
  std::uint64_t fail_in_ = 0;  // 0: never

  // The call under way.
  sluice_batch* batch_ = nullptr;
  std::array<std::uint8_t, SLUICE_BATCH_MAX> answers_{};
  std::bitset<SLUICE_BATCH_MAX> held_bits_;
  std::vector<std::uint64_t> held_now_;
  std::vector<insertion> insertions_;
  std::vector<std::uint8_t> staged_bytes_;
  std::vector<staged_drop> staged_drops_;
  std::uint32_t emitted_ = 0;  // in insertions_
  std::uint64_t emitted_bytes_ = 0;
  std::array<sluice_record, SLUICE_BATCH_MAX> merged_;
  std::array<std::uint8_t, SLUICE_BATCH_MAX> origin_{};  // of each kept record: its number before

  std::array<char, 512> error_text_{};
  std::size_t error_size_ = 0;

  mutable std::mutex metrics_mutex_;
  std::vector<metric> metrics_;
  std::vector<signal_state> signals_;
  std::array<std::atomic<double>, SLUICE_METRICS_MAX> metric_values_{};
};

}  // namespace sluice::runtime
