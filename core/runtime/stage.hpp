// One stage in its lane: its plugin, the host it sees, its side of the ledger.
#pragma once

#include "config/pipeline.hpp"
#include "runtime/change/replacement.hpp"
#include "runtime/edges.hpp"
#include "runtime/plugin_object.hpp"
#include "runtime/shared.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/store/hold_store.hpp"
#include "runtime/tap/tap_point.hpp"

#include <sluice/abi.h>

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

/// What a lane last published of one of its stages, exact together with what it took.
struct published {
  counters count;
  std::uint64_t held = 0, in_flight = 0, receivers = 0, faults = 0;
  std::int64_t oldest_call_ns = 0;   // when the oldest unanswered call was written; 0: none
  std::int64_t delivered_at_ns = 0;  // when the last record was published; 0: none was
  bool bypassed = false, stopped = false;
  bool guard_closed = true;   // of a sink
  bool keeps_latest = false;  // the queue of a sink, as its guard asked
  std::uint64_t taken = 0;    // by the lane, from its queue
  std::int64_t busy_ns = 0;   // the lane, since its start
};

/// For the stage's lane, but where said.
class stage {
 public:
  stage(const config::stage_spec& spec, std::string name, std::uint32_t number, shared& with);
  ~stage();
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// [control] Makes the plugin's object. Throws std::runtime_error.
  void create() { object_->create(); }
  /// [control] Throws std::runtime_error.
  void self_test() { object_->self_test(); }
  /// [control] Gives the plugin's objects back, those there are; the last call.
  void destroy();
  /// [control] Where it runs and what follows it. Once, before the lane starts.
  void place(lane& where) { lane_ = &where; }
  const lane& where() const { return *lane_; }
  void connect(edge next) { edges_.push_back(std::move(next)); }
  /// Other edges than before; those before are given back.
  std::vector<edge> reconnect(std::vector<edge> next) {
    return std::exchange(edges_, std::move(next));
  }
  /// The queues it pushes to.
  std::vector<port> ports() const;
  /// As edge::look_ahead, of all its edges.
  bool look_ahead(sluice_waiting& worst) const;

  std::string_view label() const { return name_; }
  std::uint32_t number() const { return number_; }
  const plugin_object& object() const { return *object_; }
  const sluice_plugin& plugin() const { return object_->plugin(); }
  const config::stage_spec& spec() const { return spec_; }
  bool can(std::uint32_t capability) const { return object_->can(capability); }
  /// [any]
  bool is(std::uint32_t kind) const { return kind_ == kind; }
  bool bypassed() const { return bypassed_; }
  bool stopped() const { return stopped_; }

  /// Calls of the plugin. Each is ended by settling what it emitted, released and dropped.
  bool start();
  /// As start, but a failure is the caller's to handle: error() says why.
  bool try_start();
  void accept(sluice_record* records, std::uint32_t count);
  void on_timer();
  void poll(std::int64_t wait_ns);
  /// True when done.
  bool drain(std::int64_t deadline);
  /// [any]
  void wake() const;

  std::int64_t wake_time() const { return object_->wake_time; }
  /// It has drained: what is still held is dropped as `shutdown`, no timer comes any more.
  void end();
  std::uint64_t held_in_store() const { return store_.size(); }
  void pass_on(sluice_record* records, std::uint32_t count);

  /// A fault of the plugin: counted, told, and after three in ten seconds the policy's turn. Within
  /// a call of the plugin that turn waits until the call is settled.
  void fault(std::string_view message);
  void end_call();
  std::string_view last_fault() const { return last_fault_; }
  /// [any] A fault outside of the lane's calls: it has spoilt no answers, so that it is counted and
  /// told (empty: it was before), and brings no policy.
  void fault_elsewhere(std::string_view message);
  std::uint64_t all_faults() const {
    return faults + faults_elsewhere_.load(std::memory_order_relaxed);
  }
  /// A call that did not answer OK: a fault, unless the host told of its cause already.
  void call_failed(sluice_status status);
  /// Nothing more is asked of this stage: what comes is dropped as `fault`.
  void halt(std::string_view why);
  /// Something else in the lane did not start: nothing is asked of this stage.
  void never_start() { stopped_ = true; }

  // --- changes while it runs, between two batches; replacement.cpp ---

  /// Puts another object in its place, as `with` says and is told. False: the old one goes on,
  /// unless it had drained.
  bool replace(replacement& with);
  /// The state of its object, which has one. False: error() says why, a fault is counted.
  bool save_state(std::vector<std::uint8_t>& into);
  /// Other values of live rows. False: nothing has changed, `error()` says why.
  bool reconfigure(const config::stage_spec& next);
  void set_fault_policy(config::on_fault policy) { spec_.fault_policy = policy; }
  /// From now on it lets everything through; what is held goes on. Returns how many those are.
  std::uint64_t switch_off();
  /// The first batch of a new object has not come yet: should that fail, the old one runs it.
  bool on_trial() const { return before_ != nullptr; }
  /// It leaves the pipeline: what is held goes on. Returns how many those are.
  std::uint64_t leave() { return release_held(); }

  /// For tests: the n-th from now of the host calls that may fail answers SLUICE_FAILED.
  void fail_host_call(std::uint64_t nth) { fail_in_ = nth; }

  counters count;
  std::uint64_t faults = 0;
  sluice_pressure pressure{};
  /// The lane's, under its lock: what it last published of this stage, and what comes next.
  published shown;
  sluice_pressure next_pressure{};
  /// Of what leaves it; of a sink and its guard, of what the sink is given.
  const std::shared_ptr<tap_point> tap = std::make_shared<tap_point>();
  /// Only of a sink.
  sink_driver* driver = nullptr;

  /// [any] Counters go on across swaps.
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
  /// What its functions take.
  void* self() const { return object_->self(); }
  /// [any] For plugin_object: its secrets are read from now on; nothing calls back about it.
  void keep_secrets(const config::values& settings);
  void forget(const plugin_object& object) { shared_.resolver.forget(&object); }

 private:
  friend struct host_calls;
  friend class plugin_object;

  struct insertion {
    std::uint32_t position;
    std::uint64_t handle;  // 0: emitted, else released
    bool numbered;         // it has its seq
    std::size_t offset;    // in staged_bytes_
    sluice_record record;
  };
  struct staged_drop {
    std::uint64_t handle;
    std::uint32_t reason;
  };

  sluice_status process(sluice_record* records, std::uint32_t count);
  void ended(sluice_status status, bool again_allowed);
  void accept_first(sluice_record* records, std::uint32_t count);
  void settle(sluice_record* records, std::uint32_t count);
  void forward_merged(sluice_record* records, std::uint32_t count);
  void undo(std::uint32_t count);
  void take_back();
  bool let_go(std::uint64_t handle);
  void clear_staged();
  bool answers_allowed(std::uint32_t count);
  bool headers_allowed(const sluice_record* records, std::uint32_t count);
  void name_error(sluice_status status);
  void apply_fault_policy(std::string_view message);
  std::uint32_t tally(sluice_record* records, std::uint32_t count);
  bool held_now(std::uint64_t handle) const;
  void enter_bypass();
  bool hand_over(replacement& with);
  void exchange(std::unique_ptr<plugin_object>& out, std::unique_ptr<plugin_object>& in);
  void prove();
  void revert(std::string_view why);
  bool judge(bool sound, sluice_status status);
  std::uint64_t release_held();
  bool publish(const attribute_rows& given);
  key_table& keys();

  static constexpr std::int64_t fault_window_ns = 10'000'000'000, long_ago = -2 * fault_window_ns;

  config::stage_spec spec_;
  const std::uint32_t kind_;
  const std::string name_;
  const std::uint32_t number_;
  shared& shared_;
  lane* lane_ = nullptr;
  mutable std::mutex object_mutex_;  // for [any]: the lane alone exchanges them
  std::unique_ptr<plugin_object> object_;
  std::unique_ptr<plugin_object> before_;  // on trial: what runs the batch that fails
  std::optional<config::stage_spec> spec_before_;
  bool bypassed_before_ = false;
  std::shared_ptr<trial> trial_;
  std::vector<sluice_record> first_batch_;
  std::vector<metric_value> carried_metrics_;  // counters of those before, under object_mutex_
  std::vector<edge> edges_;
  std::array<sluice_record, SLUICE_BATCH_MAX> branch_;  // an edge's own copies

  std::optional<key_table> keys_;  // of a stage that makes records
  hold_store store_;
  bool in_call_ = false, invalid_in_call_ = false;
  bool bypassed_ = false, stopped_ = false;
  std::string policy_due_;  // the fault within a call that brings the policy
  std::array<std::int64_t, 3> fault_times_;
  std::string last_fault_;
  std::atomic<std::uint64_t> faults_elsewhere_{0};
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
};

}  // namespace sluice::runtime
