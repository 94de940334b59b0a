#include "runtime/simulation.hpp"

#include <algorithm>
#include <limits>

namespace sluice::runtime {

namespace {
constexpr std::int64_t tick_ns = 100'000'000;
}

simulation::simulation(config::pipeline_spec spec, std::uint64_t seed, logger log)
    : engine_{std::move(spec), clock_, std::move(log), false},
      changer_{engine_, host()},
      random_{seed},
      next_tick_{clock_.now() + tick_ns} {
  engine_.create_stages([](stage& made) { made.create(); });
  for (const auto& each : engine_.lanes()) order_.push_back(each.get());
  engine_.mark_running();
}

/// Virtual time waits for nobody: a call is just made.
change_host simulation::host() {
  return {[this](const std::function<bool()>& done, std::int64_t limit_ns) {
            const std::int64_t limit = clock_.now() + limit_ns;
            while (!done()) {
              if (clock_.now() >= limit) return false;
              advance(1'000'000);
            }
            return true;
          },
          [](const std::string&, std::int64_t, const std::function<void()>& call) { call(); },
          [this](lane& begun) { order_.push_back(&begun); },
          [this](lane& ended) { std::erase(order_, &ended); }};
}

bool simulation::step_all() {
  std::shuffle(order_.begin(), order_.end(), random_);
  bool worked = false;
  for (lane* each : order_)
    if (!each->finished() && each->may_step()) worked |= each->step();
  return worked;
}

void simulation::settle() {
  while (step_all()) {
  }
}

std::int64_t simulation::next_time(std::int64_t limit) const {
  std::int64_t next = std::min(limit, next_tick_);
  for (const lane* each : order_)
    if (!each->finished() && each->may_step()) next = std::min(next, each->next_timer());
  return std::max(next, clock_.now() + 1);
}

void simulation::advance(std::int64_t by_ns) {
  advance_until([] { return false; }, by_ns);
}

bool simulation::advance_until(const std::function<bool()>& done, std::int64_t limit_ns) {
  const std::int64_t limit = clock_.now() + limit_ns;
  settle();
  while (!done()) {
    if (clock_.now() >= limit) return false;
    clock_.advance_to(next_time(limit));
    settle();
    if (clock_.now() < next_tick_) continue;
    engine_.tick();
    next_tick_ += tick_ns;
    changer_.look();
  }
  return true;
}

}  // namespace sluice::runtime
