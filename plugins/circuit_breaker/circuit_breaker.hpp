// circuit_breaker - the guard before a sink: stops sending to a peer that fails, and tries it
// again.
#pragma once

#include "breaker.hpp"
#include "meters.hpp"

#include <sluice/stage.hpp>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::circuit_breaker {

enum class probe : std::uint8_t { passive, active };
enum class on_open : std::uint8_t { drop, keep_latest, spill };
/// Numbered as SLUICE_GUARD_AUTOMATIC and what follows it.
enum class control : std::uint8_t { automatic, forced_open, disabled, metrics_only };

struct config {
  std::uint32_t failure_threshold{}, success_threshold{}, minimum_calls{};
  duration recovery_timeout{}, half_open_timeout{}, probe_interval{}, window{};
  std::optional<duration> recovery_timeout_max, slow_call_duration;
  std::optional<double> failure_rate, slow_call_rate;
  circuit_breaker::probe probe{};
  circuit_breaker::on_open on_open{};
  control state{};
};

inline constexpr double ms = 1e6, second = 1e9;  // ns, for bounds

inline constexpr auto config_fields = sluice::fields(
    field<&config::failure_threshold>("failure_threshold",
                                      "Consecutive failures that open it. A batch is one call, and "
                                      "all that is lost with one connection is one failure; so is "
                                      "each failed attempt to connect.")
        .by_default("5")
        .between(1, 1'000'000)
        .in_unit("failures")
        .from_environment("CIRCUIT_BREAKER_FAILURE_THRESHOLD")
        .live(),
    field<&config::recovery_timeout>("recovery_timeout",
                                     "How long nothing is sent before it is tried again.")
        .by_default("30s")
        .between(1 * ms, 86'400 * second)
        .from_environment("CIRCUIT_BREAKER_RECOVERY_TIMEOUT")
        .live(),
    field<&config::success_threshold>("success_threshold",
                                      "Trials, one at a time, that must succeed to close it; the "
                                      "first that fails opens it again.")
        .by_default("2")
        .between(1, 1'000)
        .in_unit("calls")
        .live(),
    field<&config::half_open_timeout>("half_open_timeout",
                                      "Longest time for the trials, from when there was something "
                                      "to send; then it opens again.")
        .by_default("5s")
        .between(1 * ms, 3'600 * second)
        .live(),
    field<&config::recovery_timeout_max>("recovery_timeout_max",
                                         "If set, recovery_timeout doubles with each trial that "
                                         "fails, up to this, and varies by 10 % either way.")
        .between(1 * ms, 86'400 * second)
        .live()
        .advanced(),
    field<&config::on_open>(
        "on_open",
        "What becomes of records while it is open. drop: they are dropped as "
        "circuit_open. keep_latest: the queue keeps the newest of each key and schema. "
        "spill: they wait in the queue, and a spool before it takes what comes after. "
        "Those of priority 0 wait in the queue either way.")
        .one_of("drop|keep_latest|spill")
        .by_default("drop")
        .live(),
    field<&config::probe>("probe",
                          "passive: tried after recovery_timeout only. active: also as soon as the "
                          "sink is connected anew, and each probe_interval while it is connected.")
        .one_of("passive|active")
        .by_default("passive")
        .live(),
    field<&config::probe_interval>("probe_interval",
                                   "Active: how often a peer is tried that answers, but refuses.")
        .by_default("1s")
        .between(1 * ms, 3'600 * second)
        .live()
        .advanced(),
    field<&config::window>("window", "Time over which the rates are taken, in ten slices.")
        .by_default("10s")
        .between(10 * ms, 3'600 * second)
        .live()
        .advanced(),
    field<&config::minimum_calls>("minimum_calls", "Calls in the window before a rate counts.")
        .by_default("20")
        .between(1, 1'000'000)
        .in_unit("calls")
        .live()
        .advanced(),
    field<&config::failure_rate>("failure_rate",
                                 "Share of failed calls in the window that opens it. 0: none does.")
        .between(0, 1)
        .live()
        .advanced(),
    field<&config::slow_call_duration>("slow_call_duration",
                                       "A call that takes longer, first byte written to reply, is "
                                       "slow. Unless set, none is.")
        .between(1, 3'600 * second)
        .live()
        .advanced(),
    field<&config::slow_call_rate>("slow_call_rate",
                                   "Share of slow calls in the window that opens it; a slow trial "
                                   "then fails. 0: none does. Needs slow_call_duration.")
        .between(0, 1)
        .live()
        .advanced(),
    field<&config::state>("state",
                          "automatic: by what is seen. forced_open: nothing is sent. disabled: "
                          "everything is, uncounted. metrics_only: everything is, and is counted.")
        .one_of("automatic|forced_open|disabled|metrics_only")
        .by_default("automatic")
        .live());

class circuit_breaker {
 public:
  using config = sluice::circuit_breaker::config;
  static constexpr auto fields = config_fields;
  static constexpr description about{"circuit_breaker", "1.0.0",
                                     "Stops sending to a peer that fails, and tries it again",
                                     SLUICE_GUARD};

  circuit_breaker(const config& settings, host host);
  static void validate(const config& settings, problems& found);

  void start();
  std::uint32_t permit(time_point now, std::uint64_t& permit) {
    const std::uint32_t answer = breaker_.permit(now, permit);
    // Results say all that is to be said of a closed one.
    if (breaker_.current() != state::closed) settle(now);
    return answer;
  }
  void result(const sluice_call_result& ended);
  void on_timer(time_point now);
  /// Any thread.
  bool closed() const { return permits_all_.load(std::memory_order_relaxed); }
  /// SLUICE_GUARD_AUTOMATIC and so on; false: no such state.
  bool force(std::uint32_t state);

  void reconfigure(const config& settings);
  static constexpr std::string_view state_schema{"circuit_breaker/1"};
  void save(state_writer& out);
  void load(state_reader& in);

 private:
  void moved(state from, state to, const std::string& why);
  void settle(time_point now);

  host host_;
  control configured_;
  std::optional<control> configured_before_;  ///< of the one whose place it takes
  breaker breaker_;
  meters meters_;
  time_point armed_ = never;
  std::atomic<bool> permits_all_{true};
};

}  // namespace sluice::circuit_breaker
