#include "runtime/stage.hpp"

#include "runtime/invoke.hpp"
#include "runtime/sink_driver.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::runtime {

namespace {

// A small store takes a few large records, too.
constexpr std::uint64_t least_hold_bytes = 16u << 20;

const char* describe(sluice_status status) {
  switch (status) {
    case SLUICE_AGAIN: return "answered AGAIN where that is not allowed";
    case SLUICE_INVALID: return "answered INVALID";
    case SLUICE_FULL: return "answered FULL where that is not allowed";
    case SLUICE_FAILED: return "failed without a message";
    case SLUICE_FAULT: return "gave up without a message";
    default: return "answered with an unknown status";
  }
}

}  // namespace

stage::stage(const config::stage_spec& spec, std::string name, std::uint32_t number, shared& with)
    : spec_{spec},
      kind_{spec.plugin->kind},
      name_{std::move(name)},
      number_{number},
      shared_{with},
      object_{std::make_unique<plugin_object>(*this, spec)},
      store_{spec.hold, std::max<std::uint64_t>(std::uint64_t{spec.hold} * 512, least_hold_bytes)},
      bypassed_{spec.bypassed} {
  pressure.size = next_pressure.size = sizeof pressure;
  fault_times_.fill(long_ago);
  if (can(SLUICE_CAN_HOLD)) held_now_.reserve(SLUICE_BATCH_MAX);
}

stage::~stage() { destroy(); }

void stage::destroy() {
  if (before_ != nullptr) before_->destroy();
  if (object_ != nullptr) object_->destroy();
}

void stage::keep_secrets(const config::values& settings) {
  for (std::uint64_t handle = 1; const auto* secret = settings.secret(handle); ++handle)
    shared_.secrets.keep(*secret);
}

/// False: some have keys beyond max_keys.
bool stage::publish(const attribute_rows& given) {
  std::vector<sluice_str> names, values;
  for (const std::string& each : given.names) names.push_back(borrow(each));
  values.reserve(given.rows.size() * names.size());
  for (const auto& [key, texts] : given.rows)
    for (const std::string& each : texts) values.push_back(borrow(each));
  std::vector<attributes::row> indexed;
  for (std::size_t i = 0; i < given.rows.size(); ++i) {
    const std::uint32_t index = keys().index_of(given.rows[i].first);
    if (index != index_space::none) indexed.push_back({index, values.data() + i * names.size()});
  }
  shared_.attributes.publish(number_, names, indexed);
  return indexed.size() == given.rows.size();
}

std::vector<port> stage::ports() const {
  std::vector<port> all;
  for (const edge& each : edges_) all.insert(all.end(), each.ports().begin(), each.ports().end());
  return all;
}

bool stage::look_ahead(sluice_waiting& worst) const {
  bool found = false;
  for (const edge& each : edges_) found |= each.look_ahead(worst);
  return found;
}

key_table& stage::keys() {
  if (!keys_) keys_.emplace(shared_.keys);
  return *keys_;
}

bool stage::start() {
  if (try_start()) return !stopped_;
  halt("did not start: " + std::string{error()});
  return false;
}

bool stage::try_start() {
  if (object_->later) publish(*std::exchange(object_->later, std::nullopt));
  if (bypassed_ || plugin().start == nullptr) return true;
  const sluice_status status =
      invoke([&](sluice_text* text) { return plugin().start(self(), text); });
  if (status != SLUICE_OK) {
    on_trial() ? take_back() : undo(0);
    name_error(status);
    return false;
  }
  settle(nullptr, 0);
  end_call();
  return true;
}

/// A call that failed without a word still has an error().
void stage::name_error(sluice_status status) {
  if (error_size_ > 0) return;
  const std::string_view words = describe(status);
  error_size_ = words.copy(error_text_.data(), error_text_.size());
}

void stage::call_failed(sluice_status status) {
  name_error(status);
  if (!invalid_in_call_) fault(error());
}

void stage::accept(sluice_record* records, std::uint32_t size) {
  count.in += size;
  if (stopped_) {
    count.dropped[SLUICE_DROP_FAULT] += size;
    return;
  }
  if (bypassed_) return pass_on(records, size);
  if (on_trial()) [[unlikely]]
    return accept_first(records, size);

  const sluice_status status = process(records, size);
  if (status == SLUICE_OK) {
    settle(records, size);
  } else {
    undo(size);
    call_failed(status);
  }
  end_call();
}

/// Not OK: what the call asked for and answered is void.
sluice_status stage::process(sluice_record* records, std::uint32_t size) {
  std::fill_n(answers_.begin(), size, std::uint8_t{SLUICE_KEEP});
  sluice_batch batch{sizeof batch, size, records, answers_.data(), lane_->now(), 0, &pressure};
  batch_ = &batch;
  const sluice_status status =
      invoke([&](sluice_text* text) { return plugin().process(self(), &batch, text); });
  batch_ = nullptr;
  if (status != SLUICE_OK) return status;
  const bool sound = answers_allowed(size) && headers_allowed(records, size);
  return sound ? SLUICE_OK : SLUICE_INVALID;
}

void stage::on_timer() {
  object_->wake_time = SLUICE_NEVER;
  if (bypassed_ || stopped_ || plugin().on_timer == nullptr) return;
  ended(invoke([&](sluice_text* text) { return plugin().on_timer(self(), lane_->now(), text); }),
        false);
}

void stage::poll(std::int64_t wait_ns) {
  if (bypassed_ || stopped_ || plugin().poll == nullptr) return;
  ended(invoke([&](sluice_text* text) { return plugin().poll(self(), wait_ns, text); }), true);
}

bool stage::drain(std::int64_t deadline) {
  if (bypassed_ || stopped_ || plugin().drain == nullptr) return true;
  const sluice_status status =
      invoke([&](sluice_text* text) { return plugin().drain(self(), deadline, text); });
  ended(status, true);
  return status != SLUICE_AGAIN || stopped_ || bypassed_;
}

/// Settles a call without a batch.
void stage::ended(sluice_status status, bool again_allowed) {
  const bool sound = status == SLUICE_OK || (again_allowed && status == SLUICE_AGAIN);
  if (on_trial() && !judge(sound, status)) return;
  if (sound) {
    settle(nullptr, 0);
  } else {
    undo(0);
    call_failed(status);
  }
  end_call();
}

void stage::wake() const {
  const std::lock_guard lock{object_mutex_};
  if (plugin().wake != nullptr && self() != nullptr) plugin().wake(self());
}

// --- faults -------------------------------------------------------------------------------------

void stage::fault(std::string_view message) {
  ++faults;
  last_fault_ = message;
  shared_.tell(SLUICE_ERROR, name_, "fault", message);
  if (stopped_ || bypassed_ || on_trial()) return;

  const std::int64_t now = lane_->now();
  std::rotate(fault_times_.begin(), fault_times_.begin() + 1, fault_times_.end());
  fault_times_.back() = now;
  if (now - fault_times_.front() > fault_window_ns) return;
  if (in_call_)
    policy_due_ = message;
  else
    apply_fault_policy(message);
}

void stage::fault_elsewhere(std::string_view message) {
  faults_elsewhere_.fetch_add(1, std::memory_order_relaxed);
  if (!message.empty()) shared_.tell(SLUICE_ERROR, name_, "fault", message);
}

void stage::end_call() {
  if (policy_due_.empty()) return;
  apply_fault_policy(policy_due_);
  policy_due_.clear();
}

void stage::apply_fault_policy(std::string_view message) {
  if (stopped_ || bypassed_) return;
  if (spec_.fault_policy == config::on_fault::bypass && (is(SLUICE_TRANSFORM) || is(SLUICE_GUARD)))
    return enter_bypass();
  halt("stopped after three faults in ten seconds, the last: " + std::string{message});
}

void stage::enter_bypass() {
  bypassed_ = true;
  count.dropped[SLUICE_DROP_FAULT] += store_.size();
  store_.clear();
  object_->forget_signals();
  shared_.tell(SLUICE_ERROR, name_, "bypass", "bypassed after three faults in ten seconds");
}

void stage::halt(std::string_view why) {
  if (stopped_) return;
  stopped_ = true;
  count.dropped[SLUICE_DROP_FAULT] += store_.size();
  store_.clear();
  object_->forget_signals();
  shared_.tell(SLUICE_ERROR, name_, "stop", why);
  shared_.stop(name_);
}

void stage::end() {
  object_->wake_time = SLUICE_NEVER;
  count.dropped[SLUICE_DROP_SHUTDOWN] += store_.size();
  store_.clear();
}

// --- figures ------------------------------------------------------------------------------------

std::vector<metric_value> stage::metrics() const {
  const std::lock_guard lock{object_mutex_};
  std::vector<metric_value> made = object_->metrics();
  add_counters(made, carried_metrics_);
  if (before_ != nullptr) add_counters(made, before_->metrics());
  return made;
}

std::vector<signal_state> stage::signals() const {
  const std::lock_guard lock{object_mutex_};
  return object_->signals();
}

}  // namespace sluice::runtime
