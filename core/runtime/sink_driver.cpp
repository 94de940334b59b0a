#include "runtime/sink_driver.hpp"

#include "runtime/invoke.hpp"
#include "runtime/lane.hpp"
#include "runtime/stage.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>

namespace sluice::runtime {

sink_driver::sink_driver(lane& where, record_queue& queue, stage* guard, stage& sink,
                         std::int64_t window_ns)
    : calls{window_ns},
      ages{window_ns},
      lane_{where},
      queue_{queue},
      guard_{guard},
      sink_{sink},
      calls_(call_limit) {}

// --- taking -------------------------------------------------------------------------------------

bool sink_driver::step() {
  has_room_ = true;
  const bool worked = advance();
  note_room();
  note_pending();
  return worked;
}

/// A guard that is bypassed or stopped permits everything.
bool sink_driver::guarded() const {
  return guard_ != nullptr && !guard_->bypassed() && !guard_->stopped() && table() != nullptr;
}

const sluice_guard* sink_driver::table() const { return guard_->object().guard(); }

bool sink_driver::advance() {
  seen_depth_ = queue_.depth();
  const std::uint32_t queued = hand_.size() + seen_depth_;
  wants_input_ = true;
  const bool closed = guard_closed_ =
      !guarded() || guard_->ask([&] { return table()->closed(guard_->self()); }) != 0;
  if (closed) keep_latest(false);
  if (queued == 0) return false;
  if (held_off_) return wants_input_ = false;
  if (sink_.stopped()) {
    fill_hand(SLUICE_BATCH_MAX);
    drop_hand(hand_.size(), SLUICE_DROP_FAULT);
    return true;
  }
  std::uint64_t permit = 0;
  const auto permitted = [&] {
    if (!guarded()) return std::uint32_t{SLUICE_GUARD_ALLOW};
    return guard_->ask([&] { return table()->permit(guard_->self(), lane_.now(), &permit); });
  };
  // A guard that is not closed is asked first: it also drops what an unready sink would keep.
  if (!closed) {
    const std::uint32_t answer = permitted();
    if (answer != SLUICE_GUARD_ALLOW) return hold_back(answer);
  }
  const std::int64_t oldest = hand_.empty()
                                  ? queue_.oldest_age(lane_.now())
                                  : lane_.now() - static_cast<std::int64_t>(hand_[0].reserved);
  const std::uint64_t faults = sink_.faults;
  const std::uint32_t most = ready(queued, oldest);
  if (most == 0) {
    // After a fault it is asked again in a while, not at once.
    wants_input_ = sink_.faults == faults && ready(queued + SLUICE_BATCH_MAX, oldest) > 0;
    has_room_ = wants_input_;
    if (!closed) cancel(permit);
    return false;
  }
  if (closed) {
    const std::uint32_t answer = permitted();
    if (answer != SLUICE_GUARD_ALLOW) return hold_back(answer);
  }
  if (!fill_hand(most)) return cancel(permit), false;
  has_room_ = false;
  return make_call(std::min(most, hand_.size()), permit);
}

std::uint32_t sink_driver::ready(std::uint32_t queued, std::int64_t oldest) {
  if (free_call() == nullptr) return 0;
  if (sink_.plugin().ready == nullptr) return SLUICE_BATCH_MAX;
  const std::uint32_t most =
      sink_.ask([&] { return sink_.plugin().ready(sink_.self(), queued, oldest); });
  return std::min(most, SLUICE_BATCH_MAX);
}

bool sink_driver::fill_hand(std::uint32_t most) {
  if (!hand_.empty()) return true;
  const std::uint32_t taken = queue_.pop(hand_, most, lane_.now());
  taken_ += taken;
  lane_.see_attributes();
  stage& head = guard_ != nullptr ? *guard_ : sink_;
  head.count.in += taken;
  return taken > 0;
}

/// What the guard does not allow is dropped, or stays in the queue; true if there was work in that.
bool sink_driver::hold_back(std::uint32_t answer) {
  keep_latest(answer == SLUICE_GUARD_CONFLATE);
  if (answer == SLUICE_GUARD_REFUSE) return refuse();
  wants_input_ = false;  // time and results change a guard's mind, input does not
  return false;
}

void sink_driver::keep_latest(bool on) {
  if (on == keeps_latest_) return;
  keeps_latest_ = on;
  queue_.keep_latest(on, lane_.now());
}

/// Priority 0 waits: no policy drops it.
bool sink_driver::refuse() {
  const std::uint32_t before = hand_.size();
  hand_.retain([&](std::uint32_t i) { return hand_[i].priority == SLUICE_PRIORITY_HIGH; });
  guard_->count.dropped[SLUICE_DROP_CIRCUIT_OPEN] += before - hand_.size();
  return queue_.refuse(SLUICE_DROP_CIRCUIT_OPEN) + before > hand_.size();
}

void sink_driver::drop_hand(std::uint32_t size, std::uint32_t reason) {
  // What is in hand has not passed the guard: it is the guard's, if there is one.
  stage& head = guard_ != nullptr ? *guard_ : sink_;
  head.count.dropped[reason] += size;
  hand_.retain([&](std::uint32_t i) { return i >= size; });
}

// --- calling ------------------------------------------------------------------------------------

sink_driver::call* sink_driver::free_call() {
  const auto found =
      std::find_if(calls_.begin(), calls_.end(), [](const call& each) { return each.id == 0; });
  return found == calls_.end() ? nullptr : &*found;
}

bool sink_driver::make_call(std::uint32_t size, std::uint64_t permit) {
  call& made = *free_call();
  made.id = ++last_id_;
  made.permit = permit;
  made.records = size;
  made.remaining = made.published = 0;
  made.worst = SLUICE_PUBLISHED;
  made.cause = SLUICE_CAUSE_NONE;
  made.incident = 0;
  made.handed_ns = lane_.now();
  for (const stage* each : {guard_, &sink_})
    if (each != nullptr && each->tap->watched()) [[unlikely]]
      each->tap->offer(hand_.data(), size);

  std::fill_n(answers_.begin(), size, std::uint8_t{SLUICE_KEEP});
  sluice_batch batch{sizeof batch, size,    hand_.data(),   answers_.data(),
                     lane_.now(),  made.id, &sink_.pressure};
  const sluice_status status = sink_.invoke(
      [&](sluice_text* text) { return sink_.plugin().process(sink_.self(), &batch, text); });
  if (status != SLUICE_OK) {
    void_call(made, size);
    sink_.call_failed(status);
    sink_.end_call();
    return true;
  }
  const bool worked = settle(made, size, made.handed_ns);
  sink_.end_call();
  return worked;
}

bool sink_driver::settle(call& made, std::uint32_t size, std::int64_t began) {
  counters& count = sink_.count;
  std::uint32_t published = 0, failed = 0, returned = 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    const std::uint8_t answer = answers_[i];
    const bool allowed = answer < SLUICE_DROP_REASONS || answer == SLUICE_PENDING ||
                         answer == SLUICE_RETURNED || answer == SLUICE_REFUSED;
    if (!allowed) {
      void_call(made, size);
      sink_.fault("answered " + std::to_string(answer) + " for record " + std::to_string(i) +
                  " of a batch, which is not a sink's answer");
      return true;
    }
  }
  for (std::uint32_t i = 0; i < size; ++i) {
    switch (answers_[i]) {
      case SLUICE_KEEP: ++published; break;
      case SLUICE_PENDING: made.received[made.remaining++] = hand_[i].received_ns; break;
      case SLUICE_RETURNED: ++returned; break;
      case SLUICE_REFUSED: ++failed; break;
      default: ++count.dropped[answers_[i]]; break;
    }
  }
  const std::uint32_t accepted = size - returned;
  if (guard_ != nullptr) {
    guard_->count.out += accepted;
    count.in += accepted;
  }
  count.published += made.published = published;
  count.failed += failed;
  in_flight_ += made.remaining;
  if (failed > 0) made.worst = SLUICE_PUBLISH_FAILED;

  const std::int64_t ended = published + failed > 0 ? lane_.read_clock() : began;
  if (published > 0) {
    std::array<std::int64_t, SLUICE_BATCH_MAX> received;
    std::uint32_t number = 0;
    for (std::uint32_t i = 0; i < size; ++i)
      if (answers_[i] == SLUICE_KEEP) received[number++] = hand_[i].received_ns;
    note_ages({received.data(), number}, ended);
  }
  hand_.retain([&](std::uint32_t i) { return i >= size || answers_[i] == SLUICE_RETURNED; });
  made.records = made.remaining > 0 ? made.remaining : accepted;
  if (made.remaining > 0) return true;  // its end comes with the outcomes
  if (published + failed > 0) {
    finish_call(made, began, ended);
  } else {
    cancel(made.permit);
    made.id = 0;
  }
  return accepted > 0;
}

void sink_driver::void_call(call& made, std::uint32_t size) {
  if (guard_ != nullptr) {
    guard_->count.out += size;
    sink_.count.in += size;
  }
  sink_.count.dropped[SLUICE_DROP_FAULT] += size;
  hand_.retain([&](std::uint32_t i) { return i >= size; });
  // A call that threw failed, but has no latency that says anything of the peer.
  tell_guard({sizeof(sluice_call_result), SLUICE_PUBLISH_FAILED, SLUICE_CAUSE_NONE, size,
              made.permit, 0, 0, lane_.now()});
  made.id = 0;
}

// --- outcomes -----------------------------------------------------------------------------------

sluice_status sink_driver::report(const sluice_outcome& outcome) {
  lane_.refresh();
  if (outcome.result > SLUICE_PUBLISH_UNKNOWN) return SLUICE_INVALID;
  if (outcome.call == 0) {
    tell_guard({sizeof(sluice_call_result), outcome.result, outcome.cause, 0, 0, outcome.incident,
                0, lane_.now()});
    return SLUICE_OK;
  }
  const auto found = std::find_if(calls_.begin(), calls_.end(),
                                  [&](const call& each) { return each.id == outcome.call; });
  // A call whose batch was dropped as a fault is forgotten: what became of it changes nothing.
  if (found == calls_.end()) return outcome.call <= last_id_ ? SLUICE_OK : SLUICE_INVALID;
  call& made = *found;
  if (outcome.count == 0 || outcome.count > made.remaining) return SLUICE_INVALID;
  // Nothing was written before it was handed over, nor ends in the future.
  const std::int64_t done = std::clamp(outcome.done_ns, made.handed_ns, lane_.now());
  const std::int64_t written = std::clamp(outcome.written_ns, made.handed_ns, done);

  counters& count = sink_.count;
  switch (outcome.result) {
    case SLUICE_PUBLISHED: {
      count.published += outcome.count;
      made.published += outcome.count;
      const std::uint32_t first = made.records - made.remaining;
      note_ages({made.received.data() + first, outcome.count}, done);
      receivers_ = outcome.receivers;
      break;
    }
    case SLUICE_PUBLISH_FAILED: count.failed += outcome.count; break;
    default: count.unknown += outcome.count; break;
  }
  made.remaining -= outcome.count;
  in_flight_ -= outcome.count;
  if (outcome.result > made.worst) {
    made.worst = outcome.result;
    made.cause = outcome.cause;
    made.incident = outcome.incident;
  }
  if (made.remaining == 0) finish_call(made, written, done);
  note_pending();
  return SLUICE_OK;
}

void sink_driver::note_ages(std::span<const std::int64_t> received, std::int64_t now) {
  ages.add(received, now);
  published_ages.add(received, now);
  delivered_at_ = now;
}

void sink_driver::finish_call(call& done, std::int64_t written, std::int64_t now) {
  if (done.worst != SLUICE_PUBLISH_UNKNOWN) calls.add(now - written, now);
  if (done.published > 0) published_calls.add(now - written, done.published);
  tell_guard({sizeof(sluice_call_result), done.worst, done.cause, done.records, done.permit,
              done.incident, now - written, lane_.now()});
  done.id = 0;
}

void sink_driver::tell_guard(const sluice_call_result& result) {
  if (guarded()) guard_->ask([&] { return table()->result(guard_->self(), &result), 0u; });
}

sluice_status sink_driver::force(std::uint32_t state) {
  constexpr std::size_t needed = offsetof(sluice_guard, force) + sizeof(sluice_guard::force);
  if (!guarded() || table()->size < needed || table()->force == nullptr) return SLUICE_INVALID;
  return guard_->ask([&] { return table()->force(guard_->self(), state); });
}

void sink_driver::cancel(std::uint64_t permit) {
  if (permit == 0) return;
  tell_guard({sizeof(sluice_call_result), SLUICE_CALL_CANCELLED, SLUICE_CAUSE_NONE, 0, permit, 0, 0,
              lane_.now()});
}

// --- what the level asks ------------------------------------------------------------------------

/// After every step and reply: it is least when replies have come and nothing new was taken.
void sink_driver::note_pending() {
  const std::uint64_t pending = queue_.depth() + hand_.size() + in_flight_;
  std::uint64_t least = least_pending_.load(std::memory_order_relaxed);
  while (pending < least && !least_pending_.compare_exchange_weak(least, pending)) {
  }
}

void sink_driver::note_room() {
  if (has_room_ == had_room_) return;
  had_room_ = has_room_;
  const std::int64_t now = lane_.now();
  const std::lock_guard lock{room_mutex_};
  if (has_room_)
    room_since_ = now;
  else
    room_ns_ += now - std::exchange(room_since_, no_room);
}

std::int64_t sink_driver::room_time(std::int64_t now) const {
  const std::lock_guard lock{room_mutex_};
  return room_since_ == no_room ? room_ns_
                                : room_ns_ + std::max<std::int64_t>(now - room_since_, 0);
}

std::uint64_t sink_driver::take_least_pending(std::uint64_t now) {
  return std::min(now, least_pending_.exchange(now));
}

// --- end ----------------------------------------------------------------------------------------

void sink_driver::give_up() {
  drop_hand(hand_.size(), SLUICE_DROP_SHUTDOWN);
  abandon_calls();
}

void sink_driver::abandon_calls() {
  for (call& each : calls_) {
    if (each.id == 0) continue;
    sink_.count.unknown += each.remaining;
    in_flight_ -= each.remaining;
    each.worst = SLUICE_PUBLISH_UNKNOWN;
    each.cause = SLUICE_CAUSE_TIMEOUT;
    finish_call(each, each.handed_ns, lane_.now());
  }
}

std::int64_t sink_driver::oldest_call() const {
  std::int64_t oldest = 0;
  for (const call& each : calls_)
    if (each.id != 0 && (oldest == 0 || each.handed_ns < oldest)) oldest = each.handed_ns;
  return oldest;
}

}  // namespace sluice::runtime
