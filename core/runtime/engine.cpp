#include "runtime/engine.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <cstdlib>

namespace sluice::runtime {

stage* engine::find(std::string_view name) {
  for (const instance& each : instances_)
    if (each.made->label() == name) return each.made;
  return nullptr;
}

// --- changes while it runs ----------------------------------------------------------------------

std::vector<engine::place> engine::places(std::string_view stage) const {
  const std::lock_guard lock{tick_mutex_};
  std::vector<place> found;
  for (const instance& each : instances_)
    if (spec_.stages[each.spec].name == stage) found.push_back({each.made, each.in});
  return found;
}

config::pipeline_spec engine::spec() const {
  const std::lock_guard lock{tick_mutex_};
  return spec_;
}

std::uint32_t engine::level() const {
  const std::lock_guard lock{tick_mutex_};
  return level_;
}

std::uint64_t engine::faults(std::string_view stage) const {
  std::uint64_t all = 0;
  for (const place& each : places(stage)) all += each.in->read(*each.made).faults;
  return all;
}

// --- end ----------------------------------------------------------------------------------------

void engine::begin_drain(std::int64_t limit_ns) {
  const std::lock_guard lock{drain_mutex_};
  if (shared_.draining.load()) return;
  losses_before_drain_.store(losses());
  shared_.drain_deadline.store(shared_.time.now() + limit_ns);
  shared_.draining.store(true);
  shared_.tell(SLUICE_INFO, "pipeline", "drain", "begins");
  interrupt_all();
}

void engine::interrupt_all() {
  const std::lock_guard lock{lanes_mutex_};
  for (const auto& each : lanes_) each->interrupt();
}

void engine::stop_now() {
  begin_drain(0);
  {
    const std::lock_guard lock{drain_mutex_};
    shared_.drain_deadline.store(shared_.time.now());
  }
  interrupt_all();
}

bool engine::stopped() const {
  const std::lock_guard lock{lanes_mutex_};
  return std::all_of(lanes_.begin(), lanes_.end(),
                     [](const auto& each) { return each->finished(); });
}

std::uint64_t engine::losses() const {
  const counters total = read(false).total;
  return total.dropped[SLUICE_DROP_SHUTDOWN] + total.failed + total.unknown;
}

bool engine::drained_with_loss() const { return losses() > losses_before_drain_.load(); }

// --- figures ------------------------------------------------------------------------------------

stage_state engine::state_of(const instance& each, std::int64_t now, bool at_rest) const {
  const config::stage_spec& spec = spec_.stages[each.spec];
  const published own = each.in->read(*each.made);
  stage_state made;
  made.name = each.made->label();
  made.plugin = sluice::view(spec.plugin->name);
  made.version = sluice::view(spec.plugin->version);
  made.kind = config::kind_name(spec.plugin->kind);
  made.lane = each.in->number();
  made.count = own.count;
  made.held = own.held;
  made.in_flight = own.in_flight;
  made.imbalance = own.count.balance() - static_cast<std::int64_t>(own.held);
  if (each.leads && each.in->queue() != nullptr) {
    const record_queue::reading queue = each.in->queue()->read(now);
    made.queue = queue.state;
    made.count.in = queue.pushed;
    for (std::size_t i = 0; i < queue.dropped.size(); ++i)
      made.count.dropped[i] += queue.dropped[i];
    // Taken from the queue and not yet published by the lane: in transit.
    const std::int64_t transit = static_cast<std::int64_t>(queue.popped - own.taken);
    made.held += queue.state.depth + static_cast<std::uint64_t>(std::max<std::int64_t>(transit, 0));
    made.imbalance += queue.imbalance + (at_rest ? transit : 0);
  }
  if (each.made->is(SLUICE_SINK)) {
    made.latency = each.in->driver()->calls.read(now);
    made.latency_longer = each.in->driver()->calls.read_longer(now);
    made.latencies = each.in->driver()->published_calls.read();
    made.age = each.in->driver()->ages.read(now);
    made.age_longer = each.in->driver()->ages.read_longer(now);
    made.ages = each.in->driver()->published_ages.read();
    made.receivers = own.receivers;
    made.demand = {each.demand.offered_per_s(), each.demand.capacity_per_s(), each.demand.ratio(),
                   each.pressure.pending};
  }
  if (each.received_at != 0) made.feed_age_ns = now - each.received_at;
  made.rate_in_per_s = each.rate_in;
  made.rate_out_per_s = each.rate_out;
  made.busy_share = each.busy_share;
  made.faults = own.faults;
  made.bypassed = own.bypassed;
  made.stopped = own.stopped;
  made.level = each.level.level;
  made.level_cause = each.level.text;
  made.signals = each.signals;
  made.metrics = each.made->metrics();
  return made;
}

snapshot engine::read(bool at_rest) const {
  const std::lock_guard lock{tick_mutex_};
  snapshot made;
  made.pipeline = spec_.name;
  made.file = spec_.file;
  made.config_hash = spec_.hash;
  made.metrics_prefix = spec_.metrics_prefix;
  made.now_ns = shared_.time.now();
  made.unix_ns = shared_.time.unix_time();
  made.uptime_ns = made.now_ns - started_;
  made.phase = stopped()                 ? phase::stopped
               : shared_.draining.load() ? phase::draining
               : running_.load()         ? phase::running
                                         : phase::starting;
  made.keys = shared_.keys.used();
  made.max_keys = spec_.max_keys;
  made.window_ns = spec_.window_ns;

  made.changes_done = changes_done_.load();
  made.changes_refused = changes_refused_.load();
  made.level = level_;
  made.level_cause = level_cause_;
  if (forced_level_) {
    made.level = *forced_level_;
    made.level_cause = "told so by an operator";
  }
  made.changes = changes_;
  made.hung_stage = hung_stage_;
  made.stopped_by = stopped_by_;
  std::int64_t between = static_cast<std::int64_t>(departed_.out - departed_.in);
  made.total = departed_;
  for (const instance& each : instances_) {
    made.stages.push_back(state_of(each, made.now_ns, at_rest));
    const stage_state& state = made.stages.back();
    made.total += state.count;
    made.held += state.held;
    // One error must not hide another.
    made.imbalance += std::abs(state.imbalance);
    between += static_cast<std::int64_t>(state.count.out - state.count.in);
  }
  // Inner edges cancel: what went out of one stage came into the next.
  made.total.in = made.total.out = 0;
  if (at_rest) made.imbalance += std::abs(between);
  return made;
}

}  // namespace sluice::runtime
