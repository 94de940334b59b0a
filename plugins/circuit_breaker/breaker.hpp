// The circuit breaker without its host: a state machine of permits, results and time. Pure.
#pragma once

#include "rate_window.hpp"

#include <sluice/ext/guard.h>
#include <sluice/record.hpp>
#include <sluice/state.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sluice::circuit_breaker {

/// Numbered as resilience4j numbers them.
enum class state : std::uint32_t {
  closed = 0,       ///< every call is permitted
  open = 1,         ///< none, for the recovery timeout
  half_open = 2,    ///< trials, one at a time
  disabled = 3,     ///< forced: every call, nothing is counted
  forced_open = 4,  ///< forced: none
  metrics_only = 5  ///< forced: every call, and they are counted
};

/// "CLOSED", "HALF_OPEN", ...
std::string_view name_of(state which);

struct rules {
  std::uint32_t failure_threshold = 5;  ///< consecutive failures that open it
  std::uint32_t success_threshold = 2;  ///< consecutive trials that close it
  duration recovery_timeout = std::chrono::seconds{30};
  duration recovery_timeout_max{};  ///< doubles up to this while trials fail; 0: does not
  duration half_open_timeout = std::chrono::seconds{5};
  bool active = false;  ///< also tried when it is connected anew, or each probe_interval if it is
  duration probe_interval = std::chrono::seconds{1};
  /// What becomes of what is not permitted: SLUICE_GUARD_REFUSE, _WAIT or _CONFLATE.
  std::uint32_t otherwise = SLUICE_GUARD_REFUSE;
  duration window = std::chrono::seconds{10};
  std::uint32_t minimum_calls = 20;  ///< in the window, before a rate counts
  double failure_rate = 0;           ///< that opens it; 0: none does
  duration slow_call_duration{};     ///< a longer call is slow; 0: none is
  double slow_call_rate = 0;         ///< that opens it; 0: none does
};

/// Since the beginning. A call is a batch; of those permitted in another state than that in which
/// they ended only `late` tells.
struct tally {
  std::uint64_t successful = 0;
  std::uint64_t failed = 0;   ///< calls, and attempts to connect
  std::uint64_t ignored = 0;  ///< refused for good by the peer: a fault of configuration
  std::uint64_t slow = 0;
  std::uint64_t not_permitted = 0;  ///< batches refused
  std::uint64_t late = 0;
  std::uint64_t transitions = 0, opened = 0;
};

/// For one thread. What it is told of comes in the order of time.
class breaker {
 public:
  /// Told of each transition, after it.
  using listener = std::function<void(state from, state to, const std::string& why)>;

  /// `seed`: of the jitter, and where the numbers of permits begin, so that those of another
  /// breaker are not its own.
  breaker(const rules& by, std::uint64_t seed, listener told);

  /// May one call be made now? SLUICE_GUARD_*. `permit` is never 0.
  std::uint32_t permit(time_point now, std::uint64_t& permit) {
    permit = generation_;
    return state_ == state::closed ? +SLUICE_GUARD_ALLOW : permit_unless_closed(now, permit);
  }
  /// How a permitted call ended; with permit 0: an attempt to connect.
  void result(const sluice_call_result& ended);
  /// At or after deadline().
  void on_timer(time_point now);
  /// When on_timer is due; `never` if it is not.
  time_point deadline() const;
  /// Other rules; what has begun goes on, but ends no later than it would by these.
  void change(const rules& by, time_point now);
  /// All but the tally. Times are the host's clock.
  void save(state_writer& out) const;
  /// Before anything else. Throws std::runtime_error for what no save can have written.
  void load(state_reader& in, time_point now);

  /// closed (begin to decide again), disabled, forced_open or metrics_only.
  void force(state to, time_point now);

  state current() const { return state_; }
  bool permits_all() const {
    return state_ == state::closed || state_ == state::disabled || state_ == state::metrics_only;
  }
  const tally& counted() const { return tally_; }
  /// In OPEN and FORCED_OPEN, in all.
  duration open_time(time_point now) const;
  /// As of the last result.
  const rate_window& rates() const { return window_; }

 private:
  std::uint32_t permit_unless_closed(time_point now, std::uint64_t& permit);
  std::uint32_t not_permitted();
  void attempt(const sluice_call_result& ended, time_point now);
  void failure(std::string_view what, time_point now);
  void verdict(const sluice_call_result& ended, bool slow, time_point now);
  void check_rates(time_point now);
  void open(const std::string& why, time_point now);
  void try_again(const std::string& why, time_point now);
  void close(const std::string& why, time_point now);
  void move(state to, const std::string& why, time_point now);
  void keep_within_rules(time_point now);
  duration jittered(duration about);

  rules rules_;
  const listener told_;
  state state_ = state::closed;
  time_point since_{};        // in this state
  std::uint64_t generation_;  // of permits: one a transition; never 0
  tally tally_;
  rate_window window_;
  duration open_before_{};  // in OPEN and FORCED_OPEN, before this state

  std::uint32_t consecutive_ = 0;    // CLOSED: failures, HALF_OPEN: successes
  std::uint64_t last_incident_ = 0;  // that was counted
  bool trial_ = false;               // HALF_OPEN: a call is under way
  time_point verdict_by_ = never;    // HALF_OPEN: since a call was first asked for
  bool answers_ = false;             // the last heard of the peer was an answer, on a connection
  duration open_for_;                // the next time, before jitter
  time_point open_until_ = never;
  std::uint64_t random_;
};

}  // namespace sluice::circuit_breaker
