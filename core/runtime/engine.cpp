#include "runtime/engine.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <cstdlib>

namespace sluice::runtime {

namespace {

constexpr std::int64_t hung_ns = 2'000'000'000, abort_ns = 10'000'000'000;

const char* kind_name(std::uint32_t kind) {
  switch (kind) {
    case SLUICE_SOURCE: return "source";
    case SLUICE_TRANSFORM: return "transform";
    case SLUICE_SINK: return "sink";
    case SLUICE_GUARD: return "guard";
    default: return "service";
  }
}

const char* level_name(std::uint32_t level) {
  static constexpr const char* names[] = {"HEALTHY", "WARNING", "CRITICAL", "OVERLOAD"};
  return names[std::min<std::uint32_t>(level, SLUICE_OVERLOAD)];
}

}  // namespace

stage* engine::find(std::string_view name) {
  for (const instance& each : instances_)
    if (each.made->label() == name) return each.made;
  return nullptr;
}

// --- every 100 ms -------------------------------------------------------------------------------

void engine::tick() {
  const std::int64_t now = shared_.time.now();
  watch(now);
  levels::verdict worst;
  {
    const std::lock_guard lock{tick_mutex_};
    for (instance& each : instances_) {
      measure(each, now);
      if (each.made->is(SLUICE_SINK)) classify_sink(each, now);
      if (each.level.level > worst.level)
        worst = {each.level.level, std::string{each.made->label()} + ": " + each.level.cause};
    }
    ++tick_;
    last_tick_ = now;
    if (worst.level != level_.level) {
      const std::string text = std::string{level_name(level_.level)} + " to " +
                               level_name(worst.level) +
                               (worst.cause.empty() ? "" : ": " + worst.cause);
      shared_.tell(worst.level > level_.level ? SLUICE_WARN : SLUICE_INFO, "pipeline", "level",
                   text);
    }
    level_ = worst;
  }
  for (instance& each : instances_) press(each);
}

void engine::measure(instance& each, std::int64_t now) {
  const lane::published seen = each.in->read(each.place);
  const bool queued = each.leads && each.in->queue() != nullptr;
  const std::uint64_t in = seen.count.created - seen.count.copied +
                           (queued ? each.in->queue()->read(now).pushed : seen.count.in);
  const std::uint64_t out = seen.count.out + seen.count.published;
  const std::size_t slot = tick_ % rate_slots;
  // The ring holds what was counted a second ago.
  each.rate_in = static_cast<double>(in - each.in_before[slot]);
  each.rate_out = static_cast<double>(out - each.out_before[slot]);
  each.in_before[slot] = in;
  each.out_before[slot] = out;
  if (now > last_tick_)
    each.busy_share = static_cast<double>(seen.busy_ns - each.busy_before) /
                      static_cast<double>(now - last_tick_);
  each.busy_before = seen.busy_ns;
}

void engine::classify_sink(instance& each, std::int64_t now) {
  const lane::published sink = each.in->read(each.place);
  const std::int64_t unanswered = sink.oldest_call_ns == 0 ? 0 : now - sink.oldest_call_ns;
  levels::sample sample;
  sample.pending = each.in->queue()->take_least() + sink.in_flight;
  sample.latency_ns = std::max(each.in->driver()->calls.read(now).p95_ns, unanswered);
  each.pressure = {sizeof each.pressure, SLUICE_HEALTHY,
                   each.rate_in,         0,
                   sample.pending,       each.in->queue()->oldest_age(now)};
  if (spec_.level.mode == config::level_mode::never) return;
  each.level = levels::classify(spec_.level, sample);
  if (spec_.level.mode == config::level_mode::enforce) each.pressure.level = each.level.level;
}

void engine::press(instance& each) {
  if (each.place > 0 || each.sinks.empty()) return;  // once a lane: its first stage sees the most
  const sluice_pressure* worst = &instances_[each.sinks.front()].pressure;
  for (const std::size_t sink : each.sinks) {
    const sluice_pressure& other = instances_[sink].pressure;
    if (other.level > worst->level ||
        (other.level == worst->level && other.pending > worst->pending))
      worst = &other;
  }
  each.in->set_pressure(*worst);
}

void engine::watch(std::int64_t now) {
  const lane* longest = nullptr;
  std::int64_t since = now;
  for (const auto& each : lanes_) {
    const std::int64_t entered = each->entered();
    if (entered == 0 || entered >= since) continue;
    since = entered;
    longest = each.get();
  }
  const bool hung = longest != nullptr && now - since >= hung_ns;
  const stage* in = hung ? longest->current() : nullptr;
  const std::string name{!hung ? "" : in == nullptr ? "a lane" : in->label()};
  {
    const std::lock_guard lock{tick_mutex_};
    if (hung && hung_stage_ != name)
      shared_.tell(SLUICE_ERROR, name, "hung", "has not returned for 2 s");
    hung_stage_ = name;
  }
  if (!hung || now - since < abort_ns) return;
  shared_.log(SLUICE_ERROR, name, "hung for 10 s: the process ends for its supervisor to restart");
  std::abort();
}

// --- end ----------------------------------------------------------------------------------------

void engine::begin_drain(std::int64_t limit_ns) {
  const std::lock_guard lock{drain_mutex_};
  if (shared_.draining.load()) return;
  losses_before_drain_.store(losses());
  shared_.drain_deadline.store(shared_.time.now() + limit_ns);
  shared_.draining.store(true);
  shared_.tell(SLUICE_INFO, "pipeline", "drain", "begins");
  for (const auto& each : lanes_) each->interrupt();
}

void engine::stop_now() {
  begin_drain(0);
  {
    const std::lock_guard lock{drain_mutex_};
    shared_.drain_deadline.store(shared_.time.now());
  }
  for (const auto& each : lanes_) each->interrupt();
}

bool engine::stopped() const {
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
  const lane::published own = each.in->read(each.place);
  stage_state made;
  made.name = each.made->label();
  made.plugin = sluice::view(spec.plugin->name);
  made.version = sluice::view(spec.plugin->version);
  made.kind = kind_name(spec.plugin->kind);
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
    made.latency_60s = each.in->driver()->calls.read_60s(now);
    made.latencies = each.in->driver()->calls.since_start();
    made.age = each.in->driver()->ages.read(now);
    made.age_60s = each.in->driver()->ages.read_60s(now);
    made.receivers = own.receivers;
  }
  made.rate_in_per_s = each.rate_in;
  made.rate_out_per_s = each.rate_out;
  made.busy_share = each.busy_share;
  made.faults = own.faults;
  made.bypassed = own.bypassed;
  made.stopped = own.stopped;
  made.level = each.level.level;
  made.level_cause = each.level.cause;
  made.metrics = each.made->metrics();
  return made;
}

snapshot engine::read(bool at_rest) const {
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

  const std::lock_guard lock{tick_mutex_};
  made.level = level_.level;
  made.level_cause = level_.cause;
  made.hung_stage = hung_stage_;
  made.stopped_by = stopped_by_;
  std::int64_t between = 0;
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
