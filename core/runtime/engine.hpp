// A built pipeline without threads: lanes, and what looks after them. `pipeline` adds threads,
// `simulation` steps the lanes in virtual time.
#pragma once

#include "config/pipeline.hpp"
#include "level/classifier.hpp"
#include "level/demand.hpp"
#include "runtime/lane.hpp"
#include "runtime/shared.hpp"
#include "runtime/snapshot.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::runtime {

class engine {
 public:
  /// Builds the graph; creates no stage yet. `may_wait`: lanes have threads of their own.
  engine(config::pipeline_spec spec, const clock& time, logger log, bool may_wait);

  /// [control] All stages in file order. Throws std::runtime_error naming the stage.
  template <typename Create>
  void create_stages(Create&& create) {
    for (instance& each : instances_) create(*each.made);
  }
  /// [control] All stages in file order, when no lane runs; those left do it as they end.
  template <typename Destroy>
  void destroy_stages(Destroy&& destroy) {
    for (instance& each : instances_) destroy(*each.made);
  }

  const std::vector<std::unique_ptr<lane>>& lanes() const { return lanes_; }
  /// A stage by name; null if there is none. For tests, between steps.
  stage* find(std::string_view name);

  // --- changes while it runs; changer.hpp ---

  /// Where one of the spec's stages stands: once for each shard.
  struct place {
    stage* made;
    lane* in;
  };
  std::vector<place> places(std::string_view stage) const;
  /// [any] What runs now.
  config::pipeline_spec spec() const;

  /// [any] The schemas that a plugin's records may have.
  void know(const config::stage_spec& of);
  /// [control] A stage that is in no lane, a lane without stages; for `enter`.
  std::unique_ptr<stage> make_stage(const config::stage_spec& of, std::string name);
  std::unique_ptr<lane> make_lane(const config::stage_spec& leader);
  /// The copies of a stage: a guard has as many as the sink behind it.
  static std::uint32_t shards_of(const config::pipeline_spec& in, std::uint32_t number);
  condition condition_of(const config::where_spec& where) { return {where, shared_.formats}; }
  struct newcomer {
    const config::stage_spec* spec;
    stage* made;
    lane* in;
    bool leads;
  };
  /// [any] Their figures count from now on. What they lead to is known from `arrange` on.
  void enter(const std::vector<newcomer>& added, std::vector<std::unique_ptr<lane>> lanes);
  /// [any] What runs from now on: each of its stages has a place. What has none in it any more
  /// leaves, its figures stay in the total; the lanes that were its own are given back.
  std::vector<std::unique_ptr<lane>> arrange(config::pipeline_spec next);
  /// [any] Stages that are out of their lane and still have a place, as a change was cut short.
  void keep(std::vector<std::unique_ptr<stage>> strays);
  /// [any] A change was asked for, and was done or not.
  void count_change(bool done) { ++(done ? changes_done_ : changes_refused_); }
  /// [any]
  std::int64_t now() const { return shared_.time.now(); }
  bool draining() const { return shared_.draining.load(); }
  /// Before the lanes run: where what a stage no longer needs is destroyed; else in its lane.
  void retire_to(std::function<void(std::unique_ptr<plugin_object>)> where) {
    shared_.retire = std::move(where);
  }
  std::uint32_t level() const;
  std::uint64_t faults(std::string_view stage) const;

  /// What services read of the whole, and tell it to do. Before the lanes run.
  void answer_with(document_reader reader, command_taker taker) {
    shared_.document = std::move(reader);
    shared_.command = std::move(taker);
  }

  /// Where the records of a stage are watched, or of one of its shards.
  struct tapped {
    std::shared_ptr<tap_point> at;
    std::string label, stage;  ///< "redis/0" of "redis"
  };
  /// [any] Of all stages that records pass.
  std::vector<tapped> tap_points() const;
  /// [any]
  const schemas& formats() const { return shared_.formats; }

  /// Every 100 ms, one thread at a time.
  void tick();
  void mark_running() { running_.store(true); }
  void begin_drain() { begin_drain(spec().drain_limit_ns); }
  void begin_drain(std::int64_t limit_ns);
  void stop_now();
  /// [any] operate.cpp. What an operator wants of a guard (of all its shards; of all guards, if
  /// `stage` is empty), SLUICE_GUARD_AUTOMATIC ...; done at its lane's next step. SLUICE_INVALID:
  /// no such guard, or no such state.
  sluice_status force_guard(std::string_view stage, std::uint32_t state);
  /// [any] operate.cpp. What stages are told whatever the signals say, and the pipeline's level;
  /// nothing: by the signals again. From the next tick on.
  void force_level(std::optional<std::uint32_t> to);
  /// [any] An event, and a line of the log.
  void tell(std::uint32_t severity, std::string_view stage, std::string_view kind,
            std::string_view message) {
    shared_.tell(severity, stage, kind, message);
  }
  bool stopped() const;
  bool drained_with_loss() const;
  /// `at_rest`: nothing is between two lanes, so that must add up too.
  snapshot read(bool at_rest) const;
  std::vector<event> events(std::uint64_t after) const { return shared_.events.since(after); }

 private:
  static constexpr std::size_t rate_slots = 10;  // of 100 ms: rates are over one second

  struct instance {
    std::uint32_t spec = 0;  // in spec_.stages
    stage* made = nullptr;
    lane* in = nullptr;
    bool leads = false;              // its lane's queue is its own
    std::vector<std::size_t> sinks;  // those it can reach, in instances_
    // As of the last tick.
    std::array<std::uint64_t, rate_slots> in_before{}, out_before{};
    double rate_in = 0, rate_out = 0, busy_share = 0;
    std::int64_t busy_before = 0;
    std::vector<signal_state> signals;  // those above HEALTHY
    std::uint64_t kept_away = 0;        // sampled and shed, in the last slot
    std::uint64_t lost_told = 0;        // by its queue, of priority 0
    std::int64_t lost_quiet_until = 0;
    // Of a source.
    std::uint64_t received_before = 0;
    std::int64_t received_at = 0;
    // Of a sink.
    std::int64_t room_before = 0;
    std::uint64_t arrived = 0, copied_before = 0;
    std::uint64_t arrived_before = 0, delivered_before = 0, kept_away_before = 0;
    levels::demand demand;
    levels::sample seen;
    levels::standing level;
    sluice_pressure pressure{sizeof(sluice_pressure), SLUICE_HEALTHY, 0, 0, 0, 0};
  };

  void build();
  bool begins_lane(std::uint32_t number) const;
  void connect(std::uint32_t number);
  void find_sinks();
  void measure(instance& each, std::int64_t now);
  double kept_from(const instance& by, std::size_t sink) const;
  levels::sample sample_sink(std::size_t number, std::int64_t now);
  void classify_sink(std::size_t number, std::int64_t now);
  levels::signal contributed_to(std::size_t sink) const;
  void classify_pipeline();
  void obey();
  void count_change(std::uint32_t to, std::string_view cause);
  void interrupt_all();
  void tell_change(std::string_view of, const instance& sink, std::uint32_t before,
                   std::uint32_t after);
  sluice_pressure pressure_of(std::span<const std::size_t> shards) const;
  void press(const instance& each);
  void tell_priority_lost(std::int64_t now);
  void watch(std::int64_t now);
  stage_state state_of(const instance& each, std::int64_t now, bool at_rest) const;
  std::uint64_t losses() const;

  config::pipeline_spec spec_;  // under tick_mutex_ for those who are not its only writer
  shared shared_;
  mutable std::mutex lanes_mutex_;  // of the vector alone; no other is taken inside but a lane's
  std::vector<std::unique_ptr<lane>> lanes_;
  std::vector<std::unique_ptr<stage>> strays_;
  std::vector<instance> instances_;  // under tick_mutex_ for those who are not its only writer
  std::uint32_t next_stage_ = 0, next_lane_ = 0;
  counters departed_;
  std::vector<std::vector<std::size_t>> of_spec_;  // by spec: its instances, one a shard

  const bool may_wait_;
  std::atomic<bool> running_{false};
  std::int64_t started_ = 0;
  std::atomic<std::uint64_t> losses_before_drain_{0};
  std::mutex drain_mutex_;         // a drain begins once
  mutable std::mutex tick_mutex_;  // guards what the tick writes and `read` shows
  std::size_t tick_ = 0;
  std::int64_t last_tick_ = 0;
  std::array<std::int64_t, rate_slots> tick_times_{};
  std::uint64_t copied_ = 0;                   // by all stages, in the last slot
  std::size_t worst_sink_ = 0;                 // in instances_
  std::optional<std::uint32_t> forced_level_;  // by an operator
  std::uint32_t level_ = SLUICE_HEALTHY;
  std::string level_cause_;
  std::vector<level_changes> changes_;
  std::string hung_stage_, stopped_by_;
  std::atomic<std::uint64_t> changes_done_{0}, changes_refused_{0};
};

}  // namespace sluice::runtime
