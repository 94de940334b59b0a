// Guard and sink behind their queue: permits, calls, outcomes.
#pragma once

#include "runtime/store/latency_totals.hpp"
#include "runtime/store/latency_window.hpp"
#include "runtime/store/record_batch.hpp"
#include "runtime/store/record_queue.hpp"

#include <sluice/abi.h>
#include <sluice/ext/guard.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace sluice::runtime {

class lane;
class stage;

/// For the sink's lane, but where said.
class sink_driver {
 public:
  /// `guard` may be null. `window_ns`: of the latencies' longer window.
  sink_driver(lane& where, record_queue& queue, stage* guard, stage& sink, std::int64_t window_ns);

  /// Makes at most one call of the sink; false if there was nothing to do or it is not ready.
  bool step();
  /// More input would change what `step` does.
  bool wants_input() const { return wants_input_; }
  /// The queue's depth when `step` last looked.
  std::uint32_t seen_depth() const { return seen_depth_; }
  bool idle() const { return hand_.empty(); }

  /// What an operator wants of the guard, SLUICE_GUARD_AUTOMATIC ...; SLUICE_INVALID: it cannot, or
  /// there is none.
  sluice_status force(std::uint32_t state);

  /// The sink's host call.
  sluice_status report(const sluice_outcome& outcome);

  /// What is in hand is dropped as `shutdown`, what is unanswered is `unknown`.
  void give_up();
  /// What is unanswered is `unknown`: the sink has ended.
  void abandon_calls();
  /// No call is made meanwhile: the sink is being changed.
  void hold_off(bool on) { held_off_ = on; }

  std::uint64_t in_hand() const { return hand_.size(); }
  std::uint64_t in_flight() const { return in_flight_; }
  std::uint64_t taken() const { return taken_; }
  std::uint64_t receivers() const { return receivers_; }
  /// When the last record was published; 0: none was.
  std::int64_t delivered_at() const { return delivered_at_; }
  /// When the oldest unanswered call was handed over; 0: none.
  std::int64_t oldest_call() const;
  /// Every call is allowed, or there is no guard.
  bool guard_closed() const { return guard_closed_; }
  /// The guard asked that the queue keep the newest of each key and schema only.
  bool keeps_latest() const { return keeps_latest_; }

  /// [any] For how long until `now`, in all, something else than the sink has limited it: it had no
  /// input, waited for more of it, or for its guard.
  std::int64_t room_time(std::int64_t now) const;
  /// [any] The least of queued and unacknowledged records since the last call, being `now` now.
  std::uint64_t take_least_pending(std::uint64_t now);

  /// [any]
  latency_window calls;  ///< first byte written to reply, per call
  latency_window ages;   ///< receipt to reply, per published record
  /// [any] Since the start, per published record.
  latency_totals published_calls, published_ages;

 private:
  /// Most calls under way at once.
  static constexpr std::uint32_t call_limit = 64;
  struct call {
    std::uint64_t id = 0;  // 0: free
    std::uint64_t permit = 0;
    std::uint32_t records = 0, remaining = 0, published = 0;
    std::uint32_t worst = SLUICE_PUBLISHED, cause = SLUICE_CAUSE_NONE;
    std::uint64_t incident = 0;
    std::int64_t handed_ns = 0;
    std::array<std::int64_t, SLUICE_BATCH_MAX> received;
  };

  bool advance();
  void note_pending();
  void note_room();
  void note_ages(std::span<const std::int64_t> received, std::int64_t now);
  bool guarded() const;
  const sluice_guard* table() const;
  bool fill_hand(std::uint32_t most);
  bool hold_back(std::uint32_t answer);
  void keep_latest(bool on);
  bool refuse();
  std::uint32_t ready(std::uint32_t queued, std::int64_t oldest);
  bool make_call(std::uint32_t count, std::uint64_t permit);
  bool settle(call& made, std::uint32_t count, std::int64_t began);
  void void_call(call& made, std::uint32_t count);
  void drop_hand(std::uint32_t count, std::uint32_t reason);
  void finish_call(call& done, std::int64_t written, std::int64_t now);
  void tell_guard(const sluice_call_result& result);
  void cancel(std::uint64_t permit);
  call* free_call();

  lane& lane_;
  record_queue& queue_;
  stage* const guard_;
  stage& sink_;
  record_batch hand_;  // taken from the queue, not yet accepted by the sink
  std::array<std::uint8_t, SLUICE_BATCH_MAX> answers_{};
  std::vector<call> calls_;
  std::uint64_t last_id_ = 0;
  std::uint64_t in_flight_ = 0, taken_ = 0, receivers_ = 0;
  std::int64_t delivered_at_ = 0;
  std::uint32_t seen_depth_ = 0;
  bool wants_input_ = true;
  bool held_off_ = false;
  bool keeps_latest_ = false;  // the queue, as the guard asked
  bool guard_closed_ = true;   // as of the last step
  bool has_room_ = true;       // the last step ended for want of input, or its guard's leave
  mutable std::mutex room_mutex_;
  static constexpr std::int64_t no_room = -1;
  std::int64_t room_ns_ = 0, room_since_ = 0;  // before, and since when
  bool had_room_ = true;                       // as room_since_ says
  std::atomic<std::uint64_t> least_pending_{0};
};

}  // namespace sluice::runtime
