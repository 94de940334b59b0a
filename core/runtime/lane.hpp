// A lane: the stages that one thread runs, as a step function.
#pragma once

#include "runtime/shared.hpp"
#include "runtime/sink_driver.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/stage.hpp"
#include "runtime/store/attributes.hpp"
#include "runtime/store/record_batch.hpp"
#include "runtime/store/record_queue.hpp"

#include <sluice/ext/settlement.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace sluice::runtime {

/// Its stages in the order records meet them. The head is a source, a service, or what takes from
/// the lane's queue. `step`, `wait` and all without a tag are for the lane's own thread.
class lane {
 public:
  lane(std::uint32_t number, shared& with, std::unique_ptr<record_queue> queue);

  /// [control] before the lane runs.
  void add(std::unique_ptr<stage> next);
  /// [control] after the last stage was added and connected.
  void seal();

  /// Does what there is to do now; false if that was nothing.
  bool step();
  /// Waits for input, a timer or I/O, 100 ms at most and no longer than `most_ns`.
  void wait(std::int64_t most_ns);
  /// When the next timer is due; SLUICE_NEVER if none.
  std::int64_t next_timer() const;
  bool finished() const { return finished_.load(std::memory_order_acquire); }
  /// False while a `block` queue behind one of its stages is full: do not step (virtual time).
  bool may_step() const;

  /// [any] There is input.
  void notify();
  /// [any] Whatever it waits for, it looks again.
  void interrupt();

  /// As of the step's begin, or of the last `refresh`.
  std::int64_t now() const { return now_; }
  /// For what happens inside a poll that waited.
  void refresh() { now_ = read_clock(); }
  /// Records come outside of a step's begin: by now's time and tables. What a stage has borrowed of
  /// the tables before stays until the next step.
  void begin_batch();
  /// Records were taken: what their source said of their keys before it sent them holds for them.
  void see_attributes();
  /// The lane was busy with it, also inside a poll that waited.
  void end_batch();
  std::int64_t read_clock() const { return shared_.time.now(); }
  const attribute_view& attributes() const { return *view_; }
  /// The lane waits for room in a queue: slow, but not hung.
  void still_alive() { entered_.store(read_clock(), std::memory_order_relaxed); }
  /// The stage whose code is about to run; for the watchdog.
  void entering(const stage* which) { current_.store(which, std::memory_order_relaxed); }
  const stage* current() const { return current_.load(std::memory_order_relaxed); }
  /// What a host call of the plugin that runs now could not do: goes on when it has returned.
  std::exception_ptr failed;
  /// [any] Its name; empty: none's, or that of one that has left the lane.
  std::string running_stage() const;

  std::uint32_t number() const { return number_; }
  record_queue* queue() { return queue_.get(); }
  const std::vector<std::unique_ptr<stage>>& stages() const { return stages_; }

  /// [any] What it last published of one of its stages.
  published read(const stage& of) const;
  /// [any] What waits in its queue and behind it. Each record that was pushed and has not left the
  /// lane is counted, perhaps twice while it moves.
  sluice_waiting waiting() const;
  /// Whether all that its stages sent on has come to its end; if so, the losses there were are
  /// added to `into`.
  bool settled_from_here(sluice_settled& into) const;
  /// [any] What is in the hands of the guard before its sink.
  std::uint64_t held_by_guard() const;
  /// [any] What a stage of it sees of the worst sink it reaches, from the next batch on.
  void set_pressure(stage& of, const sluice_pressure& seen);
  /// [any] What an operator wants of its guard, SLUICE_GUARD_AUTOMATIC ...; at its next step. Of
  /// several within one step the last.
  void force_guard(std::uint32_t to);

  // --- changes while it runs ---

  /// [any] To be done at a step's begin, between two batches, until it answers true. One at a time;
  /// a lane that ends first forgets it.
  using job = std::function<bool()>;
  void post(job what);
  /// [any] The job is not begun any more; one that runs is waited for.
  void withdraw();
  /// [any] The job is neither done nor forgotten.
  bool posted() const { return has_job_.load(std::memory_order_acquire); }
  /// [any] It has stages, and takes jobs.
  bool running() const { return running_.load(std::memory_order_acquire); }
  /// Before its thread runs: starts its stages. False: `why`, and nothing of it may run.
  bool try_start(std::string& why);
  /// It was sealed and never runs.
  void never_run() { finish(); }
  /// Its stages from now on, in the order records meet them: those of it, and `added`. Those that
  /// are not among them are given back.
  std::vector<std::unique_ptr<stage>> rearrange(const std::vector<stage*>& order,
                                                std::vector<std::unique_ptr<stage>> added);
  /// Other edges of one of its stages; the queues behind those before lose a producer.
  static void reconnect(stage& of, std::vector<edge> next);
  /// [any] The end of this lane alone, as if the whole drained.
  void end_by(std::int64_t deadline);
  /// Which of its stages waits for I/O, after that may have changed.
  void look_for_io();

  /// [any] Since when its thread has been in stages' code; 0: it waits.
  std::int64_t entered() const { return entered_.load(std::memory_order_relaxed); }
  /// [any] Null unless the lane ends in a sink.
  const sink_driver* driver() const { return driver_.get(); }
  sink_driver* driver() { return driver_.get(); }

 private:
  bool start();
  bool run_timers();
  bool take_input();
  bool take_batch();
  bool step_drain();
  bool drain_stages();
  /// A source that has drained is not asked again.
  bool polls() const {
    return io_ != nullptr && !io_->stopped() && !io_->bypassed() &&
           !(source_led() && draining_ > 0 && io_ == stages_.front().get());
  }
  void expire();
  void finish();
  void publish();
  bool settled(sluice_settled& into) const;
  static bool settled_behind(const stage& of, sluice_settled& into);
  void take_pressure();
  void take_force();
  void take_job();
  bool ending() const;
  std::int64_t deadline() const;
  bool has_input() const;
  stage& head() { return *stages_.front(); }
  bool source_led() const { return queue_ == nullptr; }

  const std::uint32_t number_;
  shared& shared_;
  const std::unique_ptr<record_queue> queue_;
  std::vector<std::unique_ptr<stage>> stages_;
  stage* io_ = nullptr;  // under sleep_mutex_ for other threads
  std::unique_ptr<sink_driver> driver_;
  record_batch batch_;
  std::uint64_t taken_ = 0;

  std::int64_t now_ = 0;
  std::shared_ptr<const attribute_view> view_;
  std::vector<std::shared_ptr<const attribute_view>> borrowed_views_;
  enum class state { created, running, draining_stages } state_ = state::created;
  std::size_t draining_ = 0;  // the stage that drains
  std::int64_t busy_ns_ = 0;
  bool waiting_ = false;
  bool polled_ = false;  // I/O handlers ran since the last step

  std::atomic<bool> finished_{false};
  std::atomic<bool> sleeping_{false};
  std::atomic<std::int64_t> entered_{0};
  std::atomic<const stage*> current_{nullptr};
  std::mutex sleep_mutex_;
  std::condition_variable sleep_;
  bool woken_ = false;

  mutable std::mutex published_mutex_;  // and of stages_, for those who read it on other threads
  std::atomic<bool> pressure_changed_{false};
  std::mutex job_mutex_;
  job job_;
  std::atomic<bool> has_job_{false}, running_{false};
  std::atomic<std::int64_t> end_by_{SLUICE_NEVER};
  static constexpr std::uint32_t nothing_forced = UINT32_MAX;
  std::atomic<std::uint32_t> forced_{nothing_forced};
};

}  // namespace sluice::runtime
