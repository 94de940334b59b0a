#include "breaker.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace sluice::circuit_breaker {

namespace {

constexpr duration none{};

std::string_view cause_of(const sluice_call_result& ended) {
  switch (ended.cause) {
    case SLUICE_CAUSE_CONNECTION: return "connection";
    case SLUICE_CAUSE_TIMEOUT: return "timeout";
    case SLUICE_CAUSE_BUSY: return "busy";
    default: return "fault";
  }
}

std::string seconds(duration of) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g s", std::chrono::duration<double>{of}.count());
  return text.data();
}

std::string rate(const char* what, double share, const rate_window& of, duration length) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%s rate %.0f %% of %llu calls in ", what, share * 100,
                static_cast<unsigned long long>(of.calls()));
  return text.data() + seconds(length);
}

}  // namespace

std::string_view name_of(state which) {
  constexpr std::array<std::string_view, 6> names{"CLOSED",   "OPEN",        "HALF_OPEN",
                                                  "DISABLED", "FORCED_OPEN", "METRICS_ONLY"};
  return names[static_cast<std::size_t>(which)];
}

breaker::breaker(const rules& by, std::uint64_t seed, listener told)
    : rules_{by},
      told_{std::move(told)},
      generation_{std::max<std::uint64_t>(seed / 4, 1)},
      window_{by.window},
      open_for_{by.recovery_timeout},
      random_{seed} {}

// --- permits ------------------------------------------------------------------------------------

std::uint32_t breaker::permit_unless_closed(time_point now, std::uint64_t& permit) {
  on_timer(now);
  permit = generation_;
  if (permits_all()) return SLUICE_GUARD_ALLOW;
  if (state_ != state::half_open) return not_permitted();
  // From now on a verdict is due; before, there was nothing to send.
  if (verdict_by_ == never) verdict_by_ = now + rules_.half_open_timeout;
  if (trial_)
    return rules_.otherwise == SLUICE_GUARD_REFUSE ? +SLUICE_GUARD_WAIT : rules_.otherwise;
  trial_ = true;
  return SLUICE_GUARD_ALLOW;
}

std::uint32_t breaker::not_permitted() {
  if (rules_.otherwise == SLUICE_GUARD_REFUSE) ++tally_.not_permitted;
  return rules_.otherwise;
}

// --- results ------------------------------------------------------------------------------------

void breaker::result(const sluice_call_result& ended) {
  const time_point now{duration{ended.now_ns}};
  if (ended.permit == 0) return attempt(ended, now);
  const bool cancelled = ended.result == SLUICE_CALL_CANCELLED;
  if (state_ == state::disabled) return;
  if (ended.permit != generation_) {
    if (!cancelled) ++tally_.late;
    return;
  }
  trial_ = false;
  if (cancelled) return;
  if (ended.result == SLUICE_PUBLISHED || ended.cause != SLUICE_CAUSE_NONE)
    answers_ = ended.cause != SLUICE_CAUSE_CONNECTION && ended.cause != SLUICE_CAUSE_TIMEOUT;
  if (ended.result != SLUICE_PUBLISHED && ended.cause == SLUICE_CAUSE_REJECTED) {
    ++tally_.ignored;
    return;
  }
  const bool slow =
      rules_.slow_call_duration > none && duration{ended.latency_ns} > rules_.slow_call_duration;
  if (slow) ++tally_.slow;
  verdict(ended, slow, now);
}

void breaker::verdict(const sluice_call_result& ended, bool slow, time_point now) {
  const bool failed = ended.result != SLUICE_PUBLISHED;
  ++(failed ? tally_.failed : tally_.successful);
  if (failed && ended.incident != 0 &&
      std::exchange(last_incident_, ended.incident) == ended.incident)
    return;  // what was lost with one connection is one failure
  window_.add(now, failed, slow);
  if (failed) return failure(cause_of(ended), now);
  if (state_ == state::half_open) {
    if (slow && rules_.slow_call_rate > 0)
      return open("a trial took " + seconds(duration{ended.latency_ns}), now);
    if (++consecutive_ >= rules_.success_threshold)
      close(std::to_string(consecutive_) + " successes", now);
  } else if (state_ == state::closed) {
    consecutive_ = 0;
    check_rates(now);
  }
}

/// A connection is no success of a call: a peer may greet and then answer nothing.
void breaker::attempt(const sluice_call_result& ended, time_point now) {
  answers_ = ended.result == SLUICE_PUBLISHED;
  if (answers_) {
    if (state_ == state::open && rules_.active) try_again("connected anew", now);
    return;
  }
  if (state_ == state::open || state_ == state::forced_open || state_ == state::disabled) return;
  if (ended.cause == SLUICE_CAUSE_REJECTED) {
    ++tally_.ignored;
    return;
  }
  ++tally_.failed;
  window_.add(now, true, false);
  failure("cannot connect (" + std::string{cause_of(ended)} + ")", now);
}

void breaker::failure(std::string_view what, time_point now) {
  if (state_ == state::half_open) return open("a trial failed: " + std::string{what}, now);
  if (state_ != state::closed) return;
  if (++consecutive_ >= rules_.failure_threshold)
    return open(
        std::to_string(consecutive_) + " consecutive failures, the last: " + std::string{what},
        now);
  check_rates(now);
}

void breaker::check_rates(time_point now) {
  if (window_.calls() < rules_.minimum_calls) return;
  if (rules_.failure_rate > 0 && window_.failure_rate() >= rules_.failure_rate)
    return open(rate("failure", window_.failure_rate(), window_, rules_.window), now);
  if (rules_.slow_call_rate > 0 && window_.slow_rate() >= rules_.slow_call_rate)
    open(rate("slow call", window_.slow_rate(), window_, rules_.window), now);
}

// --- time ---------------------------------------------------------------------------------------

time_point breaker::deadline() const {
  if (state_ == state::half_open) return verdict_by_;
  if (state_ != state::open) return never;
  // A peer that answers on a living connection is asked: nobody will connect anew.
  return rules_.active && answers_ ? std::min(open_until_, since_ + rules_.probe_interval)
                                   : open_until_;
}

void breaker::on_timer(time_point now) {
  if (now < deadline()) return;
  if (state_ == state::open)
    try_again("after " + seconds(now - since_), now);
  else
    open("no verdict within " + seconds(rules_.half_open_timeout), now);
}

// --- transitions --------------------------------------------------------------------------------

void breaker::open(const std::string& why, time_point now) {
  ++tally_.opened;
  open_until_ = now + rules_.recovery_timeout;
  if (rules_.recovery_timeout_max > none) {
    open_until_ = now + std::min(jittered(open_for_), rules_.recovery_timeout_max);
    open_for_ = std::min(2 * open_for_, rules_.recovery_timeout_max);
  }
  move(state::open, "opened: " + why, now);
}

void breaker::try_again(const std::string& why, time_point now) {
  move(state::half_open, "on trial: " + why, now);
}

void breaker::close(const std::string& why, time_point now) {
  open_for_ = rules_.recovery_timeout;
  window_.clear();
  move(state::closed, "closed: " + why, now);
}

void breaker::force(state to, time_point now) {
  if (to == state_) return;
  if (to == state::closed) return close("by command", now);
  window_.clear();
  move(to, std::string{"forced: "}.append(name_of(to)), now);
}

void breaker::move(state to, const std::string& why, time_point now) {
  open_before_ = open_time(now);
  const state from = std::exchange(state_, to);
  since_ = now;
  ++generation_;
  ++tally_.transitions;
  consecutive_ = 0;
  trial_ = false;
  verdict_by_ = never;
  told_(from, to, why);
}

// --- changes while it runs ----------------------------------------------------------------------

void breaker::change(const rules& by, time_point now) {
  if (by.window != rules_.window) window_ = rate_window{by.window};
  rules_ = by;
  keep_within_rules(now);
}

void breaker::keep_within_rules(time_point now) {
  const duration longest = std::max(rules_.recovery_timeout, rules_.recovery_timeout_max);
  open_for_ = std::clamp(open_for_, rules_.recovery_timeout, longest);
  if (state_ == state::open) open_until_ = std::min(open_until_, since_ + longest);
  if (verdict_by_ != never) verdict_by_ = std::min(verdict_by_, now + rules_.half_open_timeout);
}

void breaker::save(state_writer& out) const {
  out.put(state_);
  out.put(since_);
  out.put(generation_);
  out.put(consecutive_);
  out.put(last_incident_);
  out.put(trial_);
  out.put(verdict_by_);
  out.put(answers_);
  out.put(open_for_);
  out.put(open_until_);
  out.put(random_);
  window_.save(out);
}

void breaker::load(state_reader& in, time_point now) {
  constexpr auto years = std::chrono::hours{10 * 365 * 24};
  constexpr std::uint32_t most_in_a_row = 1'000'000;  // what failure_threshold may be
  state_ = in.get<state>(state::closed, state::metrics_only);
  since_ = in.get<time_point>(now - years, now);
  generation_ = in.get<std::uint64_t>(1, INT64_MAX);
  consecutive_ = in.get<std::uint32_t>(0, most_in_a_row);
  last_incident_ = in.get<std::uint64_t>();
  trial_ = in.get<bool>();
  verdict_by_ = in.get<time_point>();
  answers_ = in.get<bool>();
  open_for_ = in.get<duration>(none, years);
  open_until_ = in.get<time_point>();
  random_ = in.get<std::uint64_t>();
  window_.load(in, now);
  if (state_ != state::half_open && (trial_ || verdict_by_ != never))
    throw std::runtime_error{"the state has a trial, but is not HALF_OPEN"};
  open_before_ = -open_time(now);  // until now the one before has counted
  keep_within_rules(now);
}

duration breaker::open_time(time_point now) const {
  const bool open = state_ == state::open || state_ == state::forced_open;
  return open ? open_before_ + (now - since_) : open_before_;
}

/// Within a tenth of it either way, so that many instances do not try at once; SplitMix64.
duration breaker::jittered(duration about) {
  std::uint64_t z = random_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  z ^= z >> 31;
  const double share = static_cast<double>(z >> 11) * 0x1p-53;  // of [0, 1)
  return duration{
      static_cast<std::int64_t>(static_cast<double>(about.count()) * (0.9 + 0.2 * share))};
}

}  // namespace sluice::circuit_breaker
