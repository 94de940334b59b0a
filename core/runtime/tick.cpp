// What the engine does every 100 ms: it reads every stage, turns that into levels, tells stages
// what they are up against, and watches for a lane that hangs.
#include "runtime/engine.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <utility>

namespace sluice::runtime {

namespace {

constexpr std::int64_t hung_ns = 2'000'000'000, abort_ns = 10'000'000'000;

const char* level_name(std::uint32_t level) {
  static constexpr const char* names[] = {"HEALTHY", "WARNING", "CRITICAL", "OVERLOAD"};
  return names[std::min<std::uint32_t>(level, SLUICE_OVERLOAD)];
}

}  // namespace

void engine::tick() {
  const std::int64_t now = shared_.time.now();
  watch(now);
  {
    const std::lock_guard lock{tick_mutex_};
    copied_ = 0;
    for (instance& each : instances_) measure(each, now);
    if (spec_.level.mode != config::level_mode::never) {
      for (std::size_t i = 0; i < instances_.size(); ++i)
        if (instances_[i].made->is(SLUICE_SINK)) classify_sink(i, now);
      classify_pipeline();
    }
    obey();
    tick_times_[tick_ % rate_slots] = now;
    ++tick_;
    last_tick_ = now;
    for (const instance& each : instances_) press(each);
    tell_priority_lost(now);
  }
}

void engine::measure(instance& each, std::int64_t now) {
  const published seen = each.in->read(*each.made);
  const bool queued = each.leads && each.in->queue() != nullptr;
  const std::uint64_t in = seen.count.created - seen.count.copied +
                           (queued ? each.in->queue()->read(now).pushed : seen.count.in);
  const std::uint64_t out = seen.count.out + seen.count.published;
  const std::size_t slot = tick_ % rate_slots;
  // The rings hold what was counted, and when, ten ticks ago; a late tick must not raise a rate.
  const double seconds =
      std::max(static_cast<double>(now - tick_times_[slot]) / 1e9, rate_slots * 0.1);
  each.rate_in = static_cast<double>(in - each.in_before[slot]) / seconds;
  each.rate_out = static_cast<double>(out - each.out_before[slot]) / seconds;
  each.in_before[slot] = in;
  each.out_before[slot] = out;
  if (now > last_tick_)
    each.busy_share = static_cast<double>(seen.busy_ns - each.busy_before) /
                      static_cast<double>(now - last_tick_);
  each.busy_before = seen.busy_ns;
  each.signals = each.made->signals();

  const std::uint64_t kept_away =
      seen.count.dropped[SLUICE_DROP_SAMPLED] + seen.count.dropped[SLUICE_DROP_SHED];
  each.kept_away = kept_away - std::exchange(each.kept_away_before, kept_away);
  copied_ += seen.count.copied - std::exchange(each.copied_before, seen.count.copied);
  if (each.made->is(SLUICE_SOURCE)) {
    const std::uint64_t received = seen.count.created - seen.count.copied;
    const bool began = each.received_at == 0;
    if (std::exchange(each.received_before, received) != received || began) each.received_at = now;
  }
  if (!each.made->is(SLUICE_SINK)) return;
  const std::uint64_t arrived = each.in->queue()->read(now).pushed;
  each.arrived = arrived - std::exchange(each.arrived_before, arrived);
}

// --- levels -------------------------------------------------------------------------------------

/// What `by` sampled and shed of what would have come to a sink: the sink's part of what came to
/// all that `by` can reach, where copies are not counted again.
double engine::kept_from(const instance& by, std::size_t sink) const {
  std::uint64_t all = 0, most = 0;
  for (std::size_t i = 0; i < by.sinks.size();) {
    const std::uint32_t spec = instances_[by.sinks[i]].spec;
    std::uint64_t sum = 0;  // of its shards, which stand together
    for (; i < by.sinks.size() && instances_[by.sinks[i]].spec == spec; ++i)
      sum += instances_[by.sinks[i]].arrived;
    all += sum;
    most = std::max(most, sum);
  }
  const auto kept = static_cast<double>(by.kept_away);
  if (all == 0) return kept / static_cast<double>(by.sinks.size());
  const std::uint64_t distinct = std::max(most, all - std::min(all, copied_));
  return kept * static_cast<double>(instances_[sink].arrived) / static_cast<double>(distinct);
}

levels::sample engine::sample_sink(std::size_t number, std::int64_t now) {
  instance& sink = instances_[number];
  const published seen = sink.in->read(*sink.made);
  const record_queue::reading queue = sink.in->queue()->read(now);

  levels::slot slot;
  slot.length_ns = now - last_tick_;
  slot.arrived = sink.arrived;
  slot.delivered =
      seen.count.published - std::exchange(sink.delivered_before, seen.count.published);
  for (const instance& each : instances_)
    if (each.kept_away > 0 && std::binary_search(each.sinks.begin(), each.sinks.end(), number))
      slot.kept_away += kept_from(each, number);
  const std::int64_t room = sink.in->driver()->room_time(now);
  slot.room_ns = std::max<std::int64_t>(room - std::exchange(sink.room_before, room), 0);
  slot.barred = !seen.guard_closed;
  slot.silent_ns = now - seen.delivered_at_ns;
  sink.demand.add(slot);

  levels::sample made;
  made.ratio = sink.demand.ratio();
  made.latency_ns = sink.in->driver()->calls.read(now).p95_ns;
  made.unanswered_ns = seen.oldest_call_ns == 0 ? 0 : now - seen.oldest_call_ns;
  made.pending = sink.in->driver()->take_least_pending(
      queue.state.depth + (queue.popped - seen.taken) + seen.held + sink.in->held_by_guard());
  made.guard_closed = seen.guard_closed;
  made.contributed = contributed_to(number);
  sink.pressure = {sizeof sink.pressure,         SLUICE_HEALTHY, sink.demand.offered_per_s(),
                   sink.demand.capacity_per_s(), made.pending,   queue.state.oldest_ns};
  return made;
}

/// The worst signal of the stages that can reach a sink, and of the services.
levels::signal engine::contributed_to(std::size_t sink) const {
  levels::signal worst;
  for (const instance& each : instances_) {
    const bool counts = each.made->is(SLUICE_SERVICE) ||
                        std::binary_search(each.sinks.begin(), each.sinks.end(), sink);
    if (!counts) continue;
    for (const signal_state& signal : each.signals)
      if (signal.level > worst.level)
        worst = {signal.level, signal.name, std::string{each.made->label()} + ": " + signal.cause};
  }
  return worst;
}

void engine::classify_sink(std::size_t number, std::int64_t now) {
  instance& sink = instances_[number];
  sink.seen = sample_sink(number, now);
  const std::uint32_t before = sink.level.level;
  sink.level = levels::advance(spec_.level, std::move(sink.level), sink.seen, now);
  // The pipeline's event says it all of an only sink.
  const auto sinks = std::count_if(instances_.begin(), instances_.end(),
                                   [](const instance& each) { return each.made->is(SLUICE_SINK); });
  if (sink.level.level != before && sinks > 1)
    tell_change(sink.made->label(), sink, before, sink.level.level);
  // A queue that keeps the newest of each key is as short whatever comes: what is dropped before it
  // would only make that older.
  const bool acts =
      spec_.level.mode == config::level_mode::enforce && !sink.in->read(*sink.made).keeps_latest;
  if (acts) sink.pressure.level = sink.level.level;
}

void engine::classify_pipeline() {
  const instance* worst = nullptr;
  for (const instance& each : instances_)
    if (each.made->is(SLUICE_SINK) && (worst == nullptr || each.level.level > worst->level.level))
      worst = &each;
  if (worst == nullptr) return;
  const std::uint32_t before = std::exchange(level_, worst->level.level);
  level_cause_ = level_ == SLUICE_HEALTHY
                     ? std::string{}
                     : std::string{worst->made->label()} + ": " + worst->level.text;
  // On the way down it is told of the sink that was the worst.
  const std::size_t number = static_cast<std::size_t>(worst - instances_.data());
  const std::size_t told = level_ < before ? worst_sink_ : number;
  worst_sink_ = number;
  if (level_ == before) return;
  tell_change("pipeline", instances_[told], before, level_);
  count_change(level_, level_ > before ? worst->level.cause : "recovery");
}

/// An operator's word goes before what was measured.
void engine::obey() {
  if (!forced_level_) return;
  for (instance& each : instances_)
    if (each.made->is(SLUICE_SINK)) each.pressure.level = *forced_level_;
}

void engine::count_change(std::uint32_t to, std::string_view cause) {
  const auto found = std::find_if(changes_.begin(), changes_.end(), [&](const level_changes& each) {
    return each.to == to && each.cause == cause;
  });
  if (found != changes_.end())
    ++found->count;
  else
    changes_.push_back({to, std::string{cause}, 1});
}

/// `of` a sink, or of the pipeline, whose worst one it is: the cause, and all that was looked at.
void engine::tell_change(std::string_view of, const instance& sink, std::uint32_t before,
                         std::uint32_t after) {
  const levels::sample& seen = sink.seen;
  char values[224];
  std::snprintf(values, sizeof values,
                "offered %.0f/s, capacity %.0f/s, ratio %.2f, latency p95 %.1f ms, unanswered for "
                "%.1f ms, pending %llu",
                sink.demand.offered_per_s(), sink.demand.capacity_per_s(), seen.ratio,
                static_cast<double>(seen.latency_ns) / 1e6,
                static_cast<double>(seen.unanswered_ns) / 1e6,
                static_cast<unsigned long long>(seen.pending));
  const bool up = after > before;
  std::string text = std::string{level_name(before)} + " to " + level_name(after) + ": " +
                     std::string{sink.made->label()} +
                     (up ? ": " + sink.level.text : std::string{" recovers"}) + " (" + values;
  if (!seen.guard_closed) text += ", guard not closed";
  if (seen.contributed.level > SLUICE_HEALTHY) text += ", " + seen.contributed.text;
  shared_.tell(up ? SLUICE_WARN : SLUICE_INFO, of, "level", text + ")");
}

/// A sink as those before it see it: all the shards of it that they reach.
sluice_pressure engine::pressure_of(std::span<const std::size_t> shards) const {
  sluice_pressure made{sizeof made, SLUICE_HEALTHY, 0, 0, 0, 0};
  bool known = false;
  for (const std::size_t number : shards) {
    const sluice_pressure& each = instances_[number].pressure;
    made.level = std::max(made.level, each.level);
    made.offered_per_s += each.offered_per_s;
    // A shard that was never saturated takes what it is given.
    made.capacity_per_s += each.capacity_per_s > 0 ? each.capacity_per_s : each.offered_per_s;
    known |= each.capacity_per_s > 0;
    made.pending += each.pending;
    made.oldest_ns = std::max(made.oldest_ns, each.oldest_ns);
  }
  if (!known) made.capacity_per_s = 0;
  return made;
}

void engine::press(const instance& each) {
  if (each.sinks.empty()) return;
  std::optional<sluice_pressure> worst;
  for (std::size_t i = 0; i < each.sinks.size();) {
    const std::size_t first = i;
    const std::uint32_t spec = instances_[each.sinks[first]].spec;
    while (i < each.sinks.size() && instances_[each.sinks[i]].spec == spec) ++i;
    const sluice_pressure seen = pressure_of({each.sinks.data() + first, i - first});
    if (!worst || seen.level > worst->level ||
        (seen.level == worst->level && seen.pending > worst->pending))
      worst = seen;
  }
  each.in->set_pressure(*each.made, *worst);
}

// --- hung lanes ---------------------------------------------------------------------------------

void engine::watch(std::int64_t now) {
  const lane* longest = nullptr;
  std::int64_t since = now;
  bool hung = false;
  std::string name;
  {
    const std::lock_guard lock{lanes_mutex_};
    for (const auto& each : lanes_) {
      const std::int64_t entered = each->entered();
      if (entered == 0 || entered >= since) continue;
      since = entered;
      longest = each.get();
    }
    hung = longest != nullptr && now - since >= hung_ns;
    if (hung) name = longest->running_stage();
    if (hung && name.empty()) name = "a lane";
  }
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

}  // namespace sluice::runtime
