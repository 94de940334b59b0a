// Random walks of the breaker beside a model that keeps all history and searches it.
#include "breaker.hpp"
#include "random_test.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace breaker_random_test {

using namespace sluice;
using namespace sluice::circuit_breaker;
using namespace std::chrono_literals;

namespace {

enum class kind : std::uint8_t { success, failure, attempt };
struct seen {
  time_point at;
  kind what;
  bool slow;
};

/// What the rules say, without a counter that is kept along: everything is found in the history.
struct model {
  rules by;
  state at = state::closed;
  time_point entered{};
  std::uint64_t generation = 1;
  std::vector<seen> here{};    // that count, in this state
  std::vector<seen> window{};  // since the window was last cleared
  std::optional<time_point> asked{};
  bool trial = false, answers = false;
  std::set<std::uint64_t> incidents{};
  tally counted{};

  void enter(state to, time_point now) {
    if (to == at) return;
    if (to != state::open && to != state::half_open) window.clear();
    if (to == state::open) ++counted.opened;
    at = to;
    entered = now;
    ++generation;
    ++counted.transitions;
    here.clear();
    asked.reset();
    trial = false;
  }
  time_point due() const {
    if (at == state::open)
      return entered + (by.active && answers && by.probe_interval < by.recovery_timeout
                            ? by.probe_interval
                            : by.recovery_timeout);
    if (at == state::half_open && asked) return *asked + by.half_open_timeout;
    return never;
  }
  void pass(time_point now) {
    if (due() <= now) enter(at == state::open ? state::half_open : state::open, now);
  }
  std::uint32_t permit(time_point now) {
    if (at == state::open || at == state::half_open) pass(now);
    if (at == state::half_open) {
      if (!asked) asked = now;
      if (trial) return by.otherwise == SLUICE_GUARD_REFUSE ? +SLUICE_GUARD_WAIT : by.otherwise;
      trial = true;
    }
    if (at != state::open && at != state::forced_open) return SLUICE_GUARD_ALLOW;
    if (by.otherwise != SLUICE_GUARD_REFUSE) return by.otherwise;
    ++counted.not_permitted;
    return SLUICE_GUARD_REFUSE;
  }
  void finish(std::uint64_t of, const sluice_call_result& ended, time_point now) {
    const bool cancelled = ended.result == SLUICE_CALL_CANCELLED;
    const bool good = ended.result == SLUICE_PUBLISHED;
    if (at == state::disabled) return;
    if (of != generation) {
      counted.late += cancelled ? 0 : 1;
      return;
    }
    trial = false;
    if (cancelled) return;
    if (good || ended.cause == SLUICE_CAUSE_BUSY || ended.cause == SLUICE_CAUSE_REJECTED)
      answers = true;
    else if (ended.cause != SLUICE_CAUSE_NONE)
      answers = false;
    if (!good && ended.cause == SLUICE_CAUSE_REJECTED) {
      ++counted.ignored;
      return;
    }
    const bool slow =
        by.slow_call_duration > 0s && ended.latency_ns > by.slow_call_duration.count();
    counted.slow += slow ? 1 : 0;
    (good ? counted.successful : counted.failed) += 1;
    if (!good && ended.incident != 0 && !incidents.insert(ended.incident).second) return;
    note({now, good ? kind::success : kind::failure, slow}, now);
  }
  void connect(bool well, std::uint32_t cause, time_point now) {
    answers = well;
    if (well && at == state::open && by.active) return enter(state::half_open, now);
    if (well || at == state::open || at == state::forced_open || at == state::disabled) return;
    if (cause == SLUICE_CAUSE_REJECTED) {
      ++counted.ignored;
      return;
    }
    ++counted.failed;
    note({now, kind::attempt, false}, now);
  }
  void note(const seen& one, time_point now) {
    here.push_back(one);
    window.push_back(one);
    if (at == state::half_open) {
      if (one.what != kind::success || (one.slow && by.slow_call_rate > 0))
        enter(state::open, now);
      else if (here.size() == by.success_threshold)
        enter(state::closed, now);
    } else if (at == state::closed && (in_a_row() >= by.failure_threshold || too_often(now))) {
      enter(state::open, now);
    }
  }
  std::size_t in_a_row() const {
    const auto good = std::find_if(here.rbegin(), here.rend(),
                                   [](const seen& each) { return each.what == kind::success; });
    return static_cast<std::size_t>(good - here.rbegin());
  }
  bool too_often(time_point now) const {
    const auto slice = [&](time_point when) {
      return when.time_since_epoch().count() / (by.window.count() / 10);
    };
    double calls = 0, failed = 0, slow = 0;
    for (const seen& each : window) {
      if (slice(each.at) <= slice(now) - 10) continue;
      calls += 1;
      failed += each.what == kind::success ? 0 : 1;
      slow += each.slow ? 1 : 0;
    }
    if (calls < by.minimum_calls) return false;
    return (by.failure_rate > 0 && failed >= by.failure_rate * calls) ||
           (by.slow_call_rate > 0 && slow >= by.slow_call_rate * calls);
  }
};

class walk {
 public:
  explicit walk(std::uint64_t seed) : random_{seed}, by_{rules_of()}, expected_{by_} { renew(); }

  void go() {
    for (int step = 0; step < 150; ++step) {
      once();
      REQUIRE(tested_->current() == expected_.at);
      REQUIRE(tested_->deadline() == expected_.due());
      for (std::uint64_t tally::*each : counts)
        REQUIRE(before_.*each + tested_->counted().*each == expected_.counted.*each);
    }
  }

 private:
  std::uint64_t up_to(std::uint64_t most) { return random_() % (most + 1); }
  bool one_in(std::uint64_t n) { return up_to(n - 1) == 0; }

  rules rules_of() {
    rules made;
    made.failure_threshold = static_cast<std::uint32_t>(1 + up_to(6));
    made.success_threshold = static_cast<std::uint32_t>(1 + up_to(3));
    made.active = one_in(2);
    made.otherwise = one_in(2)   ? +SLUICE_GUARD_REFUSE
                     : one_in(2) ? +SLUICE_GUARD_CONFLATE
                                 : +SLUICE_GUARD_WAIT;
    made.minimum_calls = static_cast<std::uint32_t>(1 + up_to(20));
    if (one_in(2)) made.failure_rate = 0.5;
    if (one_in(2)) made.slow_call_duration = 100ms;
    if (one_in(2) && made.slow_call_duration > 0s) made.slow_call_rate = 0.75;
    return made;
  }
  void renew() {
    tested_.emplace(by_, 1,
                    [](state, state, const std::string& why) { REQUIRE_FALSE(why.empty()); });
  }
  /// Another takes its place.
  void hand_over() {
    state_writer out;
    tested_->save(out);
    for (std::uint64_t tally::*each : counts) before_.*each += tested_->counted().*each;
    renew();
    state_reader in{"", out.bytes()};
    tested_->load(in, now_);
    REQUIRE(in.at_end());
  }
  void once() {
    if (one_in(12)) hand_over();
    if (one_in(3)) now_ += std::chrono::milliseconds{up_to(one_in(4) ? 40'000 : 500)};
    switch (up_to(9)) {
      case 0: tested_->on_timer(now_); return expected_.pass(now_);
      case 1: return connect();
      case 2:
        if (one_in(10)) force();
        return;
      case 3:
      case 4:
      case 5: return ask();
      default: return finish();
    }
  }
  void ask() {
    std::uint64_t permit = 0;
    const std::uint32_t answer = tested_->permit(now_, permit);
    REQUIRE(answer == expected_.permit(now_));
    if (answer == SLUICE_GUARD_ALLOW) under_way_.push_back({permit, expected_.generation});
  }
  void finish() {
    if (under_way_.empty()) return;
    const auto which =
        under_way_.begin() + static_cast<std::ptrdiff_t>(up_to(under_way_.size() - 1));
    const call ended = *which;
    under_way_.erase(which);
    sluice_call_result result{};
    result.permit = ended.permit;
    result.now_ns = now_.time_since_epoch().count();
    result.latency_ns = std::chrono::nanoseconds{one_in(3) ? 150ms : 1ms}.count();
    result.result = static_cast<std::uint32_t>(one_in(3) ? +SLUICE_PUBLISHED : up_to(3));
    if (result.result != SLUICE_PUBLISHED && result.result != SLUICE_CALL_CANCELLED) {
      result.cause = static_cast<std::uint32_t>(up_to(SLUICE_CAUSE_REJECTED));
      // The results of one lost connection come one after the other.
      if (one_in(2)) result.incident = one_in(3) ? ++incident_ : incident_;
    }
    tested_->result(result);
    expected_.finish(ended.generation, result, now_);
  }
  void connect() {
    sluice_call_result result{};
    result.now_ns = now_.time_since_epoch().count();
    const bool well = one_in(2);
    result.result = well ? SLUICE_PUBLISHED : SLUICE_PUBLISH_FAILED;
    if (!well) result.cause = static_cast<std::uint32_t>(1 + up_to(3));
    tested_->result(result);
    expected_.connect(well, result.cause, now_);
  }
  void force() {
    constexpr std::array to{state::closed, state::disabled, state::forced_open,
                            state::metrics_only};
    const state chosen = to[up_to(one_in(2) ? 0 : 3)];
    tested_->force(chosen, now_);
    expected_.enter(chosen, now_);
  }

  struct call {
    std::uint64_t permit, generation;
  };
  std::mt19937_64 random_;
  const rules by_;
  static constexpr std::array<std::uint64_t tally::*, 8> counts{
      &tally::successful,    &tally::failed, &tally::ignored,     &tally::slow,
      &tally::not_permitted, &tally::late,   &tally::transitions, &tally::opened};
  std::optional<breaker> tested_;
  tally before_;  // of those whose place was taken
  model expected_;
  std::vector<call> under_way_;
  std::uint64_t incident_ = 1;
  time_point now_{1h};
};

}  // namespace

TEST_CASE("thousands of random walks, with hand-overs on the way, do what a simple model does") {
  const std::uint64_t seed = test_seed();
  for (int i = 0; i < test_rounds(10'000); ++i) {
    CAPTURE(i);
    walk{seed + static_cast<std::uint64_t>(i)}.go();
  }
}

}  // namespace breaker_random_test
