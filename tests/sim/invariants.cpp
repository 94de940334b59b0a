#include "invariants.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

namespace sluice::sim {

namespace {

constexpr std::size_t most_broken = 5;
constexpr std::int64_t ms = 1'000'000;

// The requirement's table, written out anew: what enters WARNING, CRITICAL, OVERLOAD, and the
// ratios that leave them. Latency and pending leave at 70 %.
constexpr std::array<double, 3> ratio_enter{0.95, 0.80, 0.50}, ratio_exit{0.98, 0.90, 0.58};
constexpr std::array<std::int64_t, 3> latency_enter{10 * ms, 50 * ms, 200 * ms};
constexpr std::array<std::uint64_t, 3> pending_enter{100, 500, 2000};
constexpr std::int64_t longest_hold_ns = 4000 * ms;  // the random scenarios' hold_max

/// The level that what the sink shows asks for at least.
std::uint32_t asked_for(const runtime::stage_state& sink, std::int64_t unanswered_ns) {
  std::uint32_t most = SLUICE_HEALTHY;
  const std::int64_t latency = std::max(sink.latency.p95_ns, unanswered_ns);
  for (std::uint32_t i = 0; i < 3; ++i)
    if (sink.demand.ratio < ratio_enter[i] || latency >= latency_enter[i] ||
        sink.demand.pending >= pending_enter[i])
      most = i + 1;
  return most;
}

/// Whether it must not yet leave `level`, which is above HEALTHY.
bool holds(const runtime::stage_state& sink, std::int64_t unanswered_ns, std::uint32_t level) {
  const std::uint32_t row = level - 1;
  const std::int64_t latency = std::max(sink.latency.p95_ns, unanswered_ns);
  return sink.demand.ratio < ratio_exit[row] || 10 * latency > 7 * latency_enter[row] ||
         10 * sink.demand.pending > 7 * pending_enter[row];
}

std::vector<std::uint64_t> all_of(const runtime::counters& count) {
  std::vector<std::uint64_t> all{count.created,   count.copied,   count.in,     count.out,
                                 count.published, count.absorbed, count.failed, count.unknown};
  all.insert(all.end(), count.dropped.begin(), count.dropped.end());
  return all;
}

}  // namespace

void invariants::broke(const std::string& what) {
  if (broken_.size() < most_broken) broken_.push_back(at_ + ": " + what);
}

void invariants::look(const runtime::snapshot& now) {
  at_ = std::to_string(now.uptime_ns / ms) + " ms";
  bounds(now);
  monotone(now);
  for (const runtime::stage_state& each : now.stages)
    if (each.kind == "sink") level(now, each);
}

void invariants::bounds(const runtime::snapshot& now) {
  std::uint64_t room = most_in_flight_ + SLUICE_BATCH_MAX;  // and what is in hand
  bool bounded = true;
  for (const runtime::stage_state& each : now.stages) {
    const runtime::queue_state& queue = each.queue;
    room += queue.capacity;
    if (each.in_flight > most_in_flight_)
      broke(each.name + " has " + std::to_string(each.in_flight) + " in flight, more than " +
            std::to_string(most_in_flight_));
    // Virtual time has no thread that could wait: a step of the source is taken in whole.
    if (std::string_view{queue.policy} == "block")
      bounded = false;
    else if (queue.depth > queue.capacity || queue.bytes > queue.bytes_capacity)
      broke(each.name + " queues " + std::to_string(queue.depth) + " of " +
            std::to_string(queue.capacity) + " records, " + std::to_string(queue.bytes) + " of " +
            std::to_string(queue.bytes_capacity) + " bytes");
  }
  if (bounded && now.held > room)
    broke(std::to_string(now.held) + " held, room is for " + std::to_string(room));
}

void invariants::monotone(const runtime::snapshot& now) {
  for (const runtime::stage_state& each : now.stages) {
    runtime::counters& before = before_[each.name];
    const auto then = all_of(before), is = all_of(each.count);
    for (std::size_t i = 0; i < is.size(); ++i)
      if (is[i] < then[i]) broke(each.name + ": a counter fell, number " + std::to_string(i));
    before = each.count;
  }
}

void invariants::level(const runtime::snapshot& now, const runtime::stage_state& sink) {
  // What was in flight at an earlier tick is still unanswered if nothing was answered since.
  const runtime::counters& count = sink.count;
  const std::uint64_t answered = count.published + count.failed + count.unknown;
  if (std::exchange(answered_, answered) != answered || unanswered_since_ns_ == 0)
    unanswered_since_ns_ = sink.in_flight > 0 ? now.now_ns : 0;
  // A change may end between two ticks; what it shows then, the tick before it has judged.
  const std::int64_t ticked_ns = now.now_ns - now.uptime_ns % (100 * ms);
  const std::int64_t unanswered =
      unanswered_since_ns_ == 0 ? 0 : std::max(ticked_ns - unanswered_since_ns_, std::int64_t{0});

  const std::uint32_t asked = asked_for(sink, unanswered);
  if (now.level != sink.level) broke("the pipeline's level is not its only sink's");
  if (now.level < asked)
    broke("level " + std::to_string(now.level) + " although the table asks for " +
          std::to_string(asked));
  // Ticks that nobody saw may have changed the level, and what held the one no longer counts.
  const bool unseen = now.now_ns - looked_ns_ > 100 * ms;
  if (level_ > SLUICE_HEALTHY && (now.level == level_ || !unseen) &&
      holds(sink, unanswered, level_))
    held_ns_ = ticked_ns;
  if (now.level != level_) step(level_, now.level, now.now_ns);
  level_ = now.level;
  looked_ns_ = now.now_ns;
}

/// Up any, down by one, and only after the hold, which doubles with each relapse. No run lasts long
/// enough for it to be halved again.
void invariants::step(std::uint32_t from, std::uint32_t to, std::int64_t now_ns) {
  const std::string which = "from level " + std::to_string(from) + " to " + std::to_string(to);
  if (to > from) {
    if (std::exchange(fell_, false)) hold_ns_ = std::min(2 * hold_ns_, longest_hold_ns);
  } else {
    fell_ = true;
    if (from - to != 1) broke(which + " at once");
    const std::int64_t since = std::max(changed_ns_, held_ns_);
    if (now_ns - since < hold_ns_)
      broke(which + " after " + std::to_string((now_ns - since) / ms) + " ms, the hold is " +
            std::to_string(hold_ns_ / ms) + " ms");
  }
  // While a change is made nobody looks: it may have been so since the tick after the last look.
  changed_ns_ = std::min(now_ns, looked_ns_ + 100 * ms);
}

void invariants::look(const std::vector<runtime::event>& events) {
  at_ = "the breaker";
  static const std::set<std::string> legal{"CLOSED -> OPEN", "OPEN -> HALF_OPEN",
                                           "HALF_OPEN -> CLOSED", "HALF_OPEN -> OPEN"};
  std::string is = "CLOSED";
  for (const runtime::event& each : events) {
    if (each.kind != "breaker") continue;
    const std::size_t begin = each.message.rfind('(') + 1;
    const std::string move = each.message.substr(begin, each.message.rfind(')') - begin);
    if (legal.count(move) == 0 || move.compare(0, is.size() + 1, is + " ") != 0)
      broke(is + ", then " + each.message);
    is = move.substr(move.rfind(' ') + 1);
  }
}

}  // namespace sluice::sim
