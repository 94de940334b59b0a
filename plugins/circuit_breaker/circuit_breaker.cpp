#include "circuit_breaker.hpp"

#include <functional>
#include <stdexcept>
#include <utility>

namespace sluice::circuit_breaker {
namespace {

std::uint32_t otherwise_of(on_open which) {
  switch (which) {
    case on_open::keep_latest: return SLUICE_GUARD_CONFLATE;
    case on_open::spill: return SLUICE_GUARD_WAIT;
    default: return SLUICE_GUARD_REFUSE;
  }
}

rules rules_of(const config& settings) {
  rules made;
  made.failure_threshold = settings.failure_threshold;
  made.success_threshold = settings.success_threshold;
  made.recovery_timeout = settings.recovery_timeout;
  made.recovery_timeout_max = settings.recovery_timeout_max.value_or(duration{});
  made.half_open_timeout = settings.half_open_timeout;
  made.active = settings.probe == probe::active;
  made.probe_interval = settings.probe_interval;
  made.otherwise = otherwise_of(settings.on_open);
  made.window = settings.window;
  made.minimum_calls = settings.minimum_calls;
  made.failure_rate = settings.failure_rate.value_or(0);
  made.slow_call_duration = settings.slow_call_duration.value_or(duration{});
  made.slow_call_rate = settings.slow_call_rate.value_or(0);
  return made;
}

/// Shards and instances differ.
std::uint64_t seed_of(host host) {
  return static_cast<std::uint64_t>(host.unix_time().count()) ^
         std::hash<std::string_view>{}(host.stage());
}

}  // namespace

circuit_breaker::circuit_breaker(const config& settings, host host)
    : host_{host},
      configured_{settings.state},
      breaker_{rules_of(settings), seed_of(host),
               [this](state from, state to, const std::string& why) { moved(from, to, why); }},
      meters_{host} {}

void circuit_breaker::validate(const config& settings, problems& found) {
  if (settings.recovery_timeout_max && *settings.recovery_timeout_max < settings.recovery_timeout)
    found.add("recovery_timeout_max",
              "is less than recovery_timeout; allowed is that much or more");
  if (settings.slow_call_rate.value_or(0) > 0 && !settings.slow_call_duration)
    found.add("slow_call_rate", "needs slow_call_duration, which says what a slow call is");
}

/// What the one before was forced to stays, but for another word in the configuration.
void circuit_breaker::start() {
  if (configured_before_ == configured_)
    settle(host_.now());
  else
    force(static_cast<std::uint32_t>(configured_));
}

void circuit_breaker::result(const sluice_call_result& ended) {
  breaker_.result(ended);
  settle(time_point{duration{ended.now_ns}});
}

void circuit_breaker::on_timer(time_point now) {
  armed_ = never;
  breaker_.on_timer(now);
  settle(now);
}

bool circuit_breaker::force(std::uint32_t to) {
  static constexpr std::array states{state::closed, state::forced_open, state::disabled,
                                     state::metrics_only};
  if (to >= states.size()) return false;
  const time_point now = host_.now();
  breaker_.force(states[to], now);
  settle(now);
  return true;
}

// --- changes while it runs ----------------------------------------------------------------------

void circuit_breaker::reconfigure(const config& settings) {
  const time_point now = host_.now();
  breaker_.change(rules_of(settings), now);
  if (std::exchange(configured_, settings.state) != settings.state)
    force(static_cast<std::uint32_t>(configured_));
  else
    settle(now);
}

void circuit_breaker::save(state_writer& out) {
  settle(host_.now());  // what takes its place counts from here
  out.put(configured_);
  breaker_.save(out);
}

void circuit_breaker::load(state_reader& in) {
  configured_before_ = in.get<control>(control::automatic, control::metrics_only);
  breaker_.load(in, host_.now());
  if (!in.at_end()) throw std::runtime_error{"the state goes on behind its end"};
  permits_all_.store(breaker_.permits_all(), std::memory_order_relaxed);
}

/// Its level is the host's: a guard that is not closed is CRITICAL.
void circuit_breaker::moved(state from, state to, const std::string& why) {
  permits_all_.store(breaker_.permits_all(), std::memory_order_relaxed);
  const std::string text =
      std::string{why}.append(" (").append(name_of(from)).append(" -> ").append(name_of(to)) + ")";
  if (to == state::open || to == state::forced_open)
    host_.alert("breaker", text);
  else
    host_.event("breaker", text);
}

void circuit_breaker::settle(time_point now) {
  const time_point due = breaker_.deadline();
  if (due != armed_) {
    armed_ = due;
    host_.wake_at(due);
  }
  publish(meters_, breaker_, now);
}

}  // namespace sluice::circuit_breaker

SLUICE_PLUGIN(sluice::circuit_breaker::circuit_breaker);
