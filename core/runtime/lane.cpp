#include "runtime/lane.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sluice::runtime {

namespace {
// A lane looks round at least this often, whatever it waits for.
constexpr std::int64_t longest_wait_ns = 100'000'000;
}  // namespace

lane::lane(std::uint32_t number, shared& with, std::unique_ptr<record_queue> queue)
    : number_{number}, shared_{with}, queue_{std::move(queue)}, view_{with.attributes.view()} {}

void lane::add(std::unique_ptr<stage> next) {
  next->place(*this);
  stages_.push_back(std::move(next));
}

void lane::seal() {
  look_for_io();
  if (stages_.back()->is(SLUICE_SINK)) {
    stage* guard = head().is(SLUICE_GUARD) ? &head() : nullptr;
    driver_ =
        std::make_unique<sink_driver>(*this, *queue_, guard, *stages_.back(), shared_.window_ns);
    stages_.back()->driver = driver_.get();
  }
  if (!head().is(SLUICE_SERVICE)) ++shared_.data_lanes;
  for (const auto& each : stages_)
    for (const port& to : each->ports()) to.queue->add_producer();
}

// --- step ---------------------------------------------------------------------------------------

bool lane::step() {
  const std::int64_t began = now_ = read_clock();
  entered_.store(began, std::memory_order_relaxed);
  borrowed_views_.clear();
  if (shared_.attributes.generation() != view_->generation) view_ = shared_.attributes.view();
  if (pressure_changed_.exchange(false, std::memory_order_relaxed)) take_pressure();

  bool worked = state_ == state::created && start();
  if (has_job_.load(std::memory_order_acquire)) take_job();
  if (forced_.load(std::memory_order_relaxed) != nothing_forced) take_force();
  worked |= run_timers();
  worked |= take_input();
  worked |= step_drain();
  if (worked) busy_ns_ += read_clock() - began;
  publish();
  entered_.store(0, std::memory_order_relaxed);
  return worked;
}

void lane::end_batch() {
  if (waiting_) busy_ns_ += read_clock() - now_;
}

void lane::begin_batch() {
  refresh();
  see_attributes();
}

void lane::see_attributes() {
  if (shared_.attributes.generation() == view_->generation) return;
  borrowed_views_.push_back(std::exchange(view_, shared_.attributes.view()));
}

bool lane::start() {
  // From the back: what is in front may push as soon as it started.
  bool sound_so_far = true;
  for (auto each = stages_.rbegin(); each != stages_.rend(); ++each) {
    if (!sound_so_far) (*each)->never_start();
    sound_so_far = sound_so_far && (*each)->start();
  }
  state_ = state::running;
  running_.store(true, std::memory_order_release);
  return true;
}

bool lane::run_timers() {
  bool worked = false;
  for (const auto& each : stages_) {
    if (each->wake_time() > now_) continue;
    each->on_timer();
    worked = true;
  }
  return worked;
}

bool lane::take_input() {
  // What came while the lane waited was handled there: a system call less for each frame.
  const bool polled = std::exchange(polled_, false);
  const bool ask = polls() && !polled;
  if (source_led()) {
    const std::uint64_t before = head().count.created;
    if (ask) io_->poll(0);
    return head().count.created != before;
  }
  if (driver_ == nullptr) {
    if (ask) io_->poll(0);
    return take_batch();
  }
  const std::uint64_t before = driver_->in_flight();
  if (ask) io_->poll(0);
  const bool answered = driver_->in_flight() != before;
  return driver_->step() || answered;
}

bool lane::take_batch() {
  const std::uint32_t size = queue_->pop(batch_, SLUICE_BATCH_MAX, now_);
  taken_ += size;
  see_attributes();
  if (size > 0) head().accept(batch_.data(), size);
  return size > 0;
}

std::int64_t lane::next_timer() const {
  std::int64_t next = SLUICE_NEVER;
  for (const auto& each : stages_) next = std::min(next, each->wake_time());
  return next;
}

bool lane::may_step() const {
  for (const auto& each : stages_)
    for (const port& to : each->ports())
      if (!to.queue->has_room()) return false;
  return true;
}

// --- drain --------------------------------------------------------------------------------------

bool lane::step_drain() {
  const bool asked = ending();
  // Services show how the rest ends: they go last.
  const bool last = !head().is(SLUICE_SERVICE) || shared_.data_lanes.load() == 0 ||
                    end_by_.load(std::memory_order_relaxed) != SLUICE_NEVER;
  if (asked && last && now_ >= deadline()) return expire(), true;
  switch (state_) {
    case state::created: return false;
    case state::running:
      if (source_led() ? !(asked && last) : !(queue_->closed() && !has_input())) return false;
      if (driver_ != nullptr && !driver_->idle()) return false;
      state_ = state::draining_stages;
      draining_ = 0;
      return true;
    case state::draining_stages: return drain_stages();
  }
  return false;
}

bool lane::ending() const {
  return shared_.draining.load(std::memory_order_relaxed) ||
         end_by_.load(std::memory_order_relaxed) != SLUICE_NEVER;
}

std::int64_t lane::deadline() const {
  return std::min(shared_.drain_deadline.load(std::memory_order_relaxed),
                  end_by_.load(std::memory_order_relaxed));
}

bool lane::drain_stages() {
  while (draining_ < stages_.size()) {
    stage& next = *stages_[draining_];
    const std::uint64_t before = next.count.out + next.count.dropped_total();
    if (!next.drain(deadline())) return next.count.out + next.count.dropped_total() != before;
    next.end();
    ++draining_;
  }
  if (driver_ != nullptr) driver_->abandon_calls();
  finish();
  return true;
}

void lane::expire() {
  if (queue_ != nullptr) queue_->abandon();
  // Its turn came too late to be waited for: a service is told once, with no time left.
  if (head().is(SLUICE_SERVICE) && state_ != state::created) head().drain(now_);
  for (const auto& each : stages_) each->end();
  if (driver_ != nullptr) driver_->give_up();
  finish();
}

void lane::finish() {
  for (const auto& each : stages_) {
    for (const port& to : each->ports()) {
      to.queue->remove_producer();
      to.behind->interrupt();
    }
  }
  if (queue_ != nullptr) queue_->abandon();  // what still comes is counted
  publish();
  if (!head().is(SLUICE_SERVICE)) --shared_.data_lanes;
  running_.store(false, std::memory_order_release);
  has_job_.store(false, std::memory_order_release);
  finished_.store(true, std::memory_order_release);
}

// --- sleep and wake -----------------------------------------------------------------------------

bool lane::has_input() const { return queue_ != nullptr && queue_->depth() > 0; }

void lane::wait(std::int64_t most_ns) {
  const std::int64_t now = read_clock();
  const std::int64_t until =
      std::min({next_timer(), now + longest_wait_ns, now + std::max<std::int64_t>(most_ns, 0)});
  if (until <= now) return;

  const bool wakeable = driver_ == nullptr || driver_->wants_input();
  if (wakeable) {
    sleeping_.store(true);
    // Pushed before the flag was seen: do not sleep on it. A sink that has input is not ready.
    const std::uint32_t expected = driver_ == nullptr ? 0 : driver_->seen_depth();
    if (queue_ != nullptr && queue_->depth() > expected) {
      sleeping_.store(false);
      return;
    }
  }
  if (polls()) {
    entered_.store(now, std::memory_order_relaxed);
    waiting_ = true;
    io_->poll(until - now);
    waiting_ = false;
    polled_ = true;
    entered_.store(0, std::memory_order_relaxed);
  } else {
    std::unique_lock lock{sleep_mutex_};
    sleep_.wait_for(lock, std::chrono::nanoseconds{until - now}, [this] { return woken_; });
    woken_ = false;
  }
  sleeping_.store(false);
}

void lane::notify() {
  if (sleeping_.exchange(false)) interrupt();
}

void lane::interrupt() {
  const std::lock_guard lock{sleep_mutex_};
  if (io_ != nullptr) io_->wake();
  woken_ = true;
  sleep_.notify_one();
}

// --- figures ------------------------------------------------------------------------------------

void lane::publish() {
  const std::lock_guard lock{published_mutex_};
  for (const auto& each : stages_) {
    published& into = each->shown;
    into.count = each->count;
    into.held = each->held_in_store();
    into.faults = each->all_faults();
    into.bypassed = each->bypassed();
    into.stopped = each->stopped();
    into.taken = driver_ == nullptr ? taken_ : driver_->taken();
    into.busy_ns = busy_ns_;
  }
  if (driver_ == nullptr) return;
  head().shown.held += driver_->in_hand();
  published& sink = stages_.back()->shown;
  sink.guard_closed = driver_->guard_closed();
  sink.keeps_latest = driver_->keeps_latest();
  sink.held += driver_->in_flight();
  sink.in_flight = driver_->in_flight();
  sink.receivers = driver_->receivers();
  sink.oldest_call_ns = driver_->oldest_call();
  sink.delivered_at_ns = driver_->delivered_at();
}

published lane::read(const stage& of) const {
  const std::lock_guard lock{published_mutex_};
  return of.shown;
}

namespace {

using drops = std::array<std::uint64_t, SLUICE_DROP_REASONS>;

void add_losses(const drops& dropped, sluice_settled& into) {
  for (const std::uint32_t reason :
       {SLUICE_DROP_CIRCUIT_OPEN, SLUICE_DROP_OVERFLOW, SLUICE_DROP_EXPIRED, SLUICE_DROP_SHUTDOWN})
    into.lost += dropped[reason];
  for (const std::uint32_t reason :
       {SLUICE_DROP_OVERSIZE, SLUICE_DROP_MALFORMED, SLUICE_DROP_UNROUTED, SLUICE_DROP_FAULT})
    into.refused += dropped[reason];
}

void add_losses(const counters& count, sluice_settled& into) {
  into.lost += count.failed + count.unknown;
  add_losses(count.dropped, into);
}

}  // namespace

bool lane::settled_from_here(sluice_settled& into) const {
  for (const auto& each : stages_) {
    if (each->held_in_store() > 0) return false;
    add_losses(each->count, into);
  }
  return std::all_of(stages_.begin(), stages_.end(),
                     [&](const auto& each) { return settled_behind(*each, into); });
}

bool lane::settled_behind(const stage& of, sluice_settled& into) {
  const std::vector<port> ports = of.ports();
  return std::all_of(ports.begin(), ports.end(),
                     [&](const port& to) { return to.behind->settled(into); });
}

/// [any] From the front to the back: what a lane at rest has sent on is in the queues behind it.
/// Its mutex is kept meanwhile, so that the ways from it, and the lanes they lead to, stay.
bool lane::settled(sluice_settled& into) const {
  const std::lock_guard lock{published_mutex_};
  std::uint64_t taken = 0;
  for (const auto& each : stages_) {
    if (each->shown.held > 0) return false;
    taken = each->shown.taken;
    add_losses(each->shown.count, into);
  }
  const record_queue::reading queue = queue_->read(read_clock());
  if (queue.state.depth > 0 || queue.popped != taken) return false;
  add_losses(queue.dropped, into);
  return std::all_of(stages_.begin(), stages_.end(),
                     [&](const auto& each) { return settled_behind(*each, into); });
}

std::string lane::running_stage() const {
  // Another thread may destroy what has left: only what is still here is looked at.
  const std::lock_guard lock{published_mutex_};
  const stage* const running = current();
  for (const auto& each : stages_)
    if (each.get() == running) return std::string{each->label()};
  return {};
}

sluice_waiting lane::waiting() const {
  std::uint64_t held = 0, taken = 0;
  {
    const std::lock_guard lock{published_mutex_};
    for (const auto& each : stages_) {
      held += each->shown.held;
      taken = each->shown.taken;
    }
  }
  // Read later: what was popped meanwhile is seen as popped and not yet taken.
  const record_queue::reading queue = queue_->read(read_clock());
  const auto share = [](std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  };
  const auto left = [](std::uint64_t part, std::uint64_t whole) {
    const std::uint64_t usable = whole - whole / 10;  // a tenth is kept for priority 0
    return usable - std::min(part, usable);
  };
  const queue_state& now = queue.state;
  return {sizeof(sluice_waiting),
          0,
          now.depth + (queue.popped - taken) + held,
          std::max(share(now.depth, now.capacity), share(now.bytes, now.bytes_capacity)),
          left(now.depth, now.capacity),
          left(now.bytes, now.bytes_capacity)};
}

std::uint64_t lane::held_by_guard() const {
  const std::lock_guard lock{published_mutex_};
  return stages_.front()->is(SLUICE_GUARD) ? stages_.front()->shown.held : 0;
}

void lane::set_pressure(stage& of, const sluice_pressure& seen) {
  const std::lock_guard lock{published_mutex_};
  of.next_pressure = seen;
  pressure_changed_.store(true, std::memory_order_relaxed);
}

void lane::force_guard(std::uint32_t to) {
  forced_.store(to, std::memory_order_relaxed);
  interrupt();
}

void lane::take_force() {
  const std::uint32_t to = forced_.exchange(nothing_forced, std::memory_order_relaxed);
  if (driver_ == nullptr || driver_->force(to) == SLUICE_OK) return;
  shared_.tell(SLUICE_WARN, head().label(), "guard",
               "cannot be forced to state " + std::to_string(to));
}

void lane::take_pressure() {
  const std::lock_guard lock{published_mutex_};
  for (const auto& each : stages_) each->pressure = each->next_pressure;
}

// --- changes while it runs ----------------------------------------------------------------------

void lane::post(job what) {
  {
    const std::lock_guard lock{job_mutex_};
    job_ = std::move(what);
    has_job_.store(true, std::memory_order_release);
  }
  interrupt();
}

void lane::withdraw() {
  const std::lock_guard lock{job_mutex_};
  job_ = {};
  has_job_.store(false, std::memory_order_release);
}

void lane::take_job() {
  const std::lock_guard lock{job_mutex_};
  if (state_ == state::running && job_ && !job_()) return;
  job_ = {};
  has_job_.store(false, std::memory_order_release);
}

bool lane::try_start(std::string& why) {
  now_ = read_clock();
  for (auto each = stages_.rbegin(); each != stages_.rend(); ++each) {
    if ((*each)->try_start()) continue;
    why = std::string{(*each)->label()} + ": start: " + std::string{(*each)->error()};
    return false;
  }
  state_ = state::running;
  running_.store(true, std::memory_order_release);
  return true;
}

std::vector<std::unique_ptr<stage>> lane::rearrange(const std::vector<stage*>& order,
                                                    std::vector<std::unique_ptr<stage>> added) {
  std::vector<std::unique_ptr<stage>> all = std::move(added), next;
  if (!stages_.empty()) publish();  // the last figures of those that leave
  {
    const std::lock_guard lock{published_mutex_};
    for (auto& each : stages_) all.push_back(std::move(each));
    for (const stage* wanted : order)
      for (auto& each : all)
        if (each.get() == wanted) next.push_back(std::move(each));
    stages_ = std::move(next);
  }
  std::erase(all, nullptr);
  look_for_io();
  return all;
}

void lane::reconnect(stage& of, std::vector<edge> next) {
  for (const edge& each : next)
    for (const port& to : each.ports()) to.queue->add_producer();
  std::vector<edge> before;
  {
    const std::lock_guard lock{of.where().published_mutex_};  // settled() follows them
    before = of.reconnect(std::move(next));
  }
  for (const edge& each : before) {
    for (const port& to : each.ports()) {
      to.queue->remove_producer();
      to.behind->interrupt();
    }
  }
}

void lane::end_by(std::int64_t deadline) {
  end_by_.store(deadline);
  interrupt();
}

void lane::look_for_io() {
  const std::lock_guard lock{sleep_mutex_};
  io_ = nullptr;
  for (const auto& each : stages_)
    if (each->can(SLUICE_CAN_IO)) io_ = each.get();
}

}  // namespace sluice::runtime
