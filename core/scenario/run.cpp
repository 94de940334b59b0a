#include "scenario/run.hpp"

#include "config/hash.hpp"
#include "config/text.hpp"
#include "runtime/simulation.hpp"
#include "scenario/models.hpp"
#include "scenario/server.hpp"

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace sluice::scenario {

namespace {

constexpr std::size_t most_broken = 5;

/// Steps a pipeline of models through the scenario and writes down what happens.
class runner {
 public:
  runner(const scenario& of, std::uint64_t seed, const watcher& watch)
      : of_{of},
        watch_{watch},
        world_{of, seed, {}, {}, {}, tally{all_instruments(of)}},
        spec_{with_models(world_, of.pipeline)},
        drain_limit_ns_{spec_.drain_limit_ns},
        here_{world_},
        run_{spec_, seed, [](std::uint32_t, std::string_view, std::string_view) {}} {
    made_.seed = seed;
  }

  outcome go() {
    const std::int64_t began = run_.now();
    for (std::int64_t at = 0; at < of_.lasts.count(); at += slot_ns) {
      change_what_is_due(at);
      // A change takes time of its own.
      step(began + at + slot_ns - run_.now());
    }
    made_.capacity = capacities();
    run_.running().begin_drain();
    for (std::int64_t left = drain_limit_ns_ + 1'000'000'000; left > 0 && !run_.running().stopped();
         left -= slot_ns) {
      run_.advance(slot_ns);
      check(run_.read());
    }
    made_.end = run_.read();
    check_end();
    digest(made_.end);
    made_.events = run_.running().events(0);
    for (const runtime::event& each : made_.events)
      digest_ += each.stage + each.kind + each.message;
    made_.digest = config::sha256(digest_).substr(0, 16);
    made_.seen = std::move(world_.seen);
    return std::move(made_);
  }

 private:
  static std::uint32_t all_instruments(const scenario& of) {
    std::uint32_t sum = 0;
    for (const feed_spec& each : of.feeds) sum += instruments_of(each);
    return sum;
  }

  void change_what_is_due(std::int64_t at) {
    for (; next_change_ < of_.changes.size() && of_.changes[next_change_].at.count() <= at;
         ++next_change_) {
      const change_spec& each = of_.changes[next_change_];
      runtime::change_options with;
      with.only = each.only;
      with.lose_state = each.lose_state;
      const runtime::receipt told = run_.change(with_models(world_, each.after), with);
      if (!told.done)
        broke("the " + each.title + " at " + config::show_duration(each.at.count()) + ": " +
              told.error);
    }
  }

  void step(std::int64_t by_ns) {
    run_.advance(std::max<std::int64_t>(by_ns, 0));
    world_.seen.close_slot();
    const runtime::snapshot now = run_.read();
    check(now);
    if (watch_) watch_(now);
    digest(now);
    slot next;
    const runtime::counters& total = now.total;
    next.received = total.created - before_.created;
    next.published = total.published - before_.published;
    next.good = world_.seen.good(made_.slots.size());
    for (std::size_t i = 0; i < SLUICE_DROP_REASONS; ++i)
      next.lost[i] = total.dropped[i] - before_.dropped[i];
    next.lost[SLUICE_DROP_REASONS] = total.failed - before_.failed;
    next.lost[SLUICE_DROP_REASONS + 1] = total.unknown - before_.unknown;
    next.held = now.held;
    next.level = now.level;
    if (now.level != level_) next.cause = now.level_cause;
    level_ = now.level;
    before_ = total;
    made_.slots.push_back(std::move(next));
  }

  void broke(const std::string& what) {
    if (made_.broken.size() < most_broken) made_.broken.push_back(what);
  }

  /// The ledger is exact at every rest point.
  void check(const runtime::snapshot& now) {
    const std::string at = " at " + config::show_duration(now.uptime_ns);
    if (now.imbalance != 0) broke("the ledger is off by " + std::to_string(now.imbalance) + at);
    for (const runtime::stage_state& each : now.stages)
      if (each.imbalance != 0)
        broke("the ledger of " + each.name + " is off by " + std::to_string(each.imbalance) + at);
  }

  void check_end() {
    const runtime::snapshot& end = made_.end;
    if (!run_.running().stopped()) broke("the drain did not end within its limit");
    if (end.held != 0) broke(std::to_string(end.held) + " records are left after the drain");
    for (const runtime::stage_state& each : end.stages)
      if (each.faults != 0) broke(each.name + " made " + std::to_string(each.faults) + " faults");
    if (world_.seen.overtaken() != 0)
      broke(std::to_string(world_.seen.overtaken()) +
            " records came after a newer one of their key and priority, or twice");
    check_gaps();
  }

  /// With one way from the feeds to one sink, the numbers that were never published there are what
  /// was counted. What is unknown was not: the models lose it with its connection. What is created
  /// on the way was absorbed before, and has its old number; unless it is of a stage's own kind.
  void check_gaps() {
    const runtime::counters& total = made_.end.total;
    const auto sinks = std::count_if(made_.end.stages.begin(), made_.end.stages.end(),
                                     [](const auto& each) { return each.kind == "sink"; });
    const bool own_kinds =
        std::any_of(spec_.stages.begin(), spec_.stages.end(), [](const auto& each) {
          return each.plugin->kind == SLUICE_TRANSFORM && each.plugin->emit_count > 0;
        });
    if (sinks != 1 || own_kinds || total.created < world_.seen.received_total()) return;
    const std::uint64_t again = total.created - world_.seen.received_total();
    const std::uint64_t counted =
        total.dropped_total() + total.absorbed - again + total.failed + total.unknown;
    if (world_.seen.missing() != counted)
      broke(std::to_string(world_.seen.missing()) + " numbers were never published, " +
            std::to_string(counted) + " losses were counted");
  }

  std::vector<double> capacities() const {
    std::vector<double> sums(made_.slots.size());
    for (const sink_spec& each : of_.sinks) {
      const curve speed = speed_curve(each, of_.faults);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const auto begin = static_cast<std::int64_t>(i) * slot_ns;
        sums[i] += speed.area(begin, begin + slot_ns);
      }
    }
    return sums;
  }

  void digest(const runtime::snapshot& of) {
    const auto add = [&](std::uint64_t number) {
      digest_.append(reinterpret_cast<const char*>(&number), sizeof number);
    };
    add(of.level);
    add(of.held);
    for (const runtime::stage_state& each : of.stages) {
      const runtime::counters& count = each.count;
      for (const std::uint64_t number : {count.created, count.in, count.out, count.published,
                                         count.absorbed, count.failed, count.unknown})
        add(number);
      for (const std::uint64_t number : count.dropped) add(number);
    }
  }

  const scenario& of_;
  const watcher& watch_;
  world world_;
  const config::pipeline_spec spec_;
  const std::int64_t drain_limit_ns_;
  const within here_;
  runtime::simulation run_;
  outcome made_;
  runtime::counters before_;
  std::uint32_t level_ = SLUICE_HEALTHY;
  std::size_t next_change_ = 0;
  std::string digest_;
};

}  // namespace

std::string loss_name(std::size_t way) {
  if (way < SLUICE_DROP_REASONS) return runtime::reason_names[way];
  return way == SLUICE_DROP_REASONS ? "failed" : "unknown";
}

std::uint64_t slot::lost_total() const {
  return std::accumulate(lost.begin(), lost.end(), std::uint64_t{0});
}

outcome run(const scenario& of, std::uint64_t seed, const watcher& watch) {
  return runner{of, seed, watch}.go();
}

}  // namespace sluice::scenario
