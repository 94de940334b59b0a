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
constexpr std::int64_t fault_window_ns = 10'000'000'000;

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
      name_{std::move(name)},
      number_{number},
      shared_{with},
      store_{spec.hold, std::max<std::uint64_t>(std::uint64_t{spec.hold} * 512, least_hold_bytes)},
      bypassed_{spec.bypassed} {
  pressure.size = sizeof pressure;
  fill_host_table();
}

stage::~stage() { destroy(); }

void stage::destroy() {
  shared_.resolver.forget(this);
  if (object_ != nullptr) plugin().destroy(std::exchange(object_, nullptr));
}

void stage::create() {
  for (std::uint64_t handle = 1; const auto* secret = spec_.settings->secret(handle); ++handle)
    shared_.secrets.keep(*secret);
  std::array<char, 1024> text{};
  sluice_text error{text.data(), text.size(), 0};
  object_ = plugin().create(&host_, spec_.settings->data(), spec_.settings->size(), &error);
  if (object_ != nullptr) return;
  const std::string_view why{text.data(), error.size};
  throw std::runtime_error{name_ + ": " + std::string{why.empty() ? "could not be created" : why}};
}

std::vector<port> stage::ports() const {
  std::vector<port> all;
  for (const edge& each : edges_) all.insert(all.end(), each.ports().begin(), each.ports().end());
  return all;
}

key_table& stage::keys() {
  if (!keys_) keys_.emplace(shared_.keys);
  return *keys_;
}

bool stage::start() {
  if (bypassed_ || plugin().start == nullptr) return true;
  const sluice_status status =
      invoke([&](sluice_text* text) { return plugin().start(object_, text); });
  if (status == SLUICE_OK) {
    settle(nullptr, 0);
    end_call();
    return !stopped_;
  }
  undo(0);
  halt("did not start: " + std::string{error_size_ > 0 ? error() : describe(status)});
  return false;
}

void stage::call_failed(sluice_status status) {
  if (!invalid_in_call_) fault(error_size_ > 0 ? error() : describe(status));
}

void stage::accept(sluice_record* records, std::uint32_t size) {
  count.in += size;
  if (stopped_) {
    count.dropped[SLUICE_DROP_FAULT] += size;
    return;
  }
  if (bypassed_) return pass_on(records, size);

  std::fill_n(answers_.begin(), size, std::uint8_t{SLUICE_KEEP});
  sluice_batch batch{sizeof batch, size, records, answers_.data(), lane_->now(), 0, &pressure};
  batch_ = &batch;
  const sluice_status status =
      invoke([&](sluice_text* text) { return plugin().process(object_, &batch, text); });
  batch_ = nullptr;
  if (status != SLUICE_OK) {
    undo(size);
    call_failed(status);
  } else if (answers_allowed(size) && headers_allowed(records, size)) {
    settle(records, size);
  } else {
    undo(size);
    fault(error());
  }
  end_call();
}

void stage::on_timer() {
  wake_time_ = SLUICE_NEVER;
  if (bypassed_ || stopped_ || plugin().on_timer == nullptr) return;
  const sluice_status status =
      invoke([&](sluice_text* text) { return plugin().on_timer(object_, lane_->now(), text); });
  if (status == SLUICE_OK) {
    settle(nullptr, 0);
  } else {
    undo(0);
    call_failed(status);
  }
  end_call();
}

void stage::poll(std::int64_t wait_ns) {
  if (bypassed_ || stopped_ || plugin().poll == nullptr) return;
  const sluice_status status =
      invoke([&](sluice_text* text) { return plugin().poll(object_, wait_ns, text); });
  if (status == SLUICE_OK || status == SLUICE_AGAIN) {
    settle(nullptr, 0);
  } else {
    undo(0);
    call_failed(status);
  }
  end_call();
}

bool stage::drain(std::int64_t deadline) {
  if (bypassed_ || stopped_ || plugin().drain == nullptr) return true;
  const sluice_status status =
      invoke([&](sluice_text* text) { return plugin().drain(object_, deadline, text); });
  const bool again = status == SLUICE_AGAIN;
  if (status == SLUICE_OK || again) {
    settle(nullptr, 0);
  } else {
    undo(0);
    call_failed(status);
  }
  end_call();
  return !again || stopped_ || bypassed_;
}

void stage::wake() const {
  if (plugin().wake != nullptr && object_ != nullptr) plugin().wake(object_);
}

// --- faults -------------------------------------------------------------------------------------

void stage::fault(std::string_view message) {
  ++faults;
  shared_.tell(SLUICE_ERROR, name_, "fault", message);
  if (stopped_ || bypassed_) return;

  const std::int64_t now = lane_->now();
  std::rotate(fault_times_.begin(), fault_times_.begin() + 1, fault_times_.end());
  fault_times_.back() = now;
  if (faults < fault_times_.size() || now - fault_times_.front() > fault_window_ns) return;
  if (in_call_)
    policy_due_ = message;
  else
    apply_fault_policy(message);
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
  forget_signals();
  shared_.tell(SLUICE_ERROR, name_, "bypass", "bypassed after three faults in ten seconds");
}

void stage::halt(std::string_view why) {
  if (stopped_) return;
  stopped_ = true;
  count.dropped[SLUICE_DROP_FAULT] += store_.size();
  store_.clear();
  forget_signals();
  shared_.tell(SLUICE_ERROR, name_, "stop", why);
  shared_.stop(name_);
}

void stage::end() {
  wake_time_ = SLUICE_NEVER;
  count.dropped[SLUICE_DROP_SHUTDOWN] += store_.size();
  store_.clear();
}

// --- figures ------------------------------------------------------------------------------------

std::vector<metric_value> stage::metrics() const {
  const std::lock_guard lock{metrics_mutex_};
  std::vector<metric_value> made;
  for (std::size_t i = 0; i < metrics_.size(); ++i)
    made.push_back({metrics_[i].name, metrics_[i].doc, metrics_[i].kind,
                    metric_values_[i].load(std::memory_order_relaxed)});
  return made;
}

std::vector<signal_state> stage::signals() const {
  const std::lock_guard lock{metrics_mutex_};
  std::vector<signal_state> made;
  for (const signal_state& each : signals_)
    if (each.level > SLUICE_HEALTHY) made.push_back(each);
  return made;
}

/// Nobody would take them back.
void stage::forget_signals() {
  const std::lock_guard lock{metrics_mutex_};
  signals_.clear();
}

}  // namespace sluice::runtime
