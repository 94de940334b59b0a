// A stage gets another object between two batches, and the old one back if the first batch fails.
#include "runtime/change/replacement.hpp"

#include "runtime/invoke.hpp"
#include "runtime/lane.hpp"
#include "runtime/stage.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

namespace sluice::runtime {

bool stage::replace(replacement& with) {
  if (on_trial()) prove();
  if (!bypassed_ && !hand_over(with)) return false;
  spec_before_ = std::exchange(spec_, with.spec);
  bypassed_before_ = std::exchange(bypassed_, with.spec.bypassed);
  exchange(before_, with.next);
  if (!with.started && !try_start()) {
    with.told->error = object_->title() + ": start: " + std::string{error()};
    spec_ = *std::exchange(spec_before_, std::nullopt);
    bypassed_ = bypassed_before_;
    exchange(with.next, before_);
    return false;
  }
  if (with.started && object_->later) publish(*std::exchange(object_->later, std::nullopt));

  const std::uint64_t held = store_.size();
  if (!with.told->state.empty() && can(SLUICE_CAN_HOLD))
    with.told->carried += held;
  else
    with.told->released += release_held();
  fault_times_.fill(long_ago);
  // What has drained takes no more batches: it cannot come back.
  if (is(SLUICE_TRANSFORM) || is(SLUICE_GUARD))
    with.on_trial = trial_ = std::make_shared<trial>();
  else
    prove();
  return true;
}

/// The state from the old to the new. False: it was there and did not go over.
bool stage::hand_over(replacement& with) {
  const std::string schema{object_->state_schema()};
  if (schema.empty() || !with.next->reads(schema)) return true;
  std::vector<std::uint8_t> bytes;
  if (!save_state(bytes)) {
    with.told->error = object_->title() + ": export_state: " + std::string{error()};
    return with.lose_state;
  }
  try {
    with.next->import(schema, bytes);
  } catch (const std::exception& why) {
    with.told->error = why.what();
    return false;
  }
  with.told->state = schema;
  with.told->state_bytes = bytes.size();
  return true;
}

bool stage::save_state(std::vector<std::uint8_t>& into) {
  if (on_trial()) prove();
  struct {
    std::vector<std::uint8_t>& bytes;
    bool cut = false;  // no exception passes through a plugin
  } all{into};
  const auto append = [](void* to, const std::uint8_t* data, std::uint64_t size) noexcept {
    auto& [bytes, cut] = *static_cast<decltype(all)*>(to);
    try {
      bytes.insert(bytes.end(), data, data + size);
    } catch (const std::bad_alloc&) {
      cut = true;
    }
  };
  const sluice_status status = invoke([&](sluice_text* text) {
    const sluice_status done = object_->swap()->export_state(self(), append, &all, text);
    return all.cut ? sluice_status{SLUICE_FAILED} : done;
  });
  if (status == SLUICE_OK) {
    settle(nullptr, 0);
  } else {
    undo(0);
    call_failed(status);
  }
  end_call();
  return status == SLUICE_OK;
}

/// The stage's object goes to `out`, `in` takes its place.
void stage::exchange(std::unique_ptr<plugin_object>& out, std::unique_ptr<plugin_object>& in) {
  {
    const std::lock_guard lock{object_mutex_};
    out = std::exchange(object_, std::move(in));
  }
  lane_->look_for_io();
}

// --- the first batch ----------------------------------------------------------------------------

void stage::accept_first(sluice_record* records, std::uint32_t size) {
  first_batch_.assign(records, records + size);
  const sluice_status status = process(records, size);
  if (judge(status == SLUICE_OK, status)) {
    prove();
    settle(records, size);
    return end_call();
  }
  // Weights and priorities may have been changed.
  std::copy(first_batch_.begin(), first_batch_.end(), records);
  count.in -= size;
  accept(records, size);
}

/// Of a call on trial. False: the object before is back, and nothing of the call is left.
bool stage::judge(bool sound, sluice_status status) {
  if (!sound) {
    call_failed(status);
    const std::string why{invalid_in_call_ ? std::string_view{last_fault_} : error()};
    take_back();
    revert(why);
    return false;
  }
  // What it let go the one before does not have any more.
  if (!insertions_.empty() || !staged_drops_.empty()) prove();
  return true;
}

void stage::prove() {
  std::unique_ptr<plugin_object> old;
  {
    const std::lock_guard lock{object_mutex_};
    if (before_ == nullptr) return;
    add_counters(carried_metrics_, before_->metrics());
    old = std::move(before_);
  }
  spec_before_.reset();
  if (trial_ != nullptr) std::exchange(trial_, nullptr)->end(trial::verdict::proven, {});
  shared_.retire(std::move(old));
}

void stage::revert(std::string_view why) {
  const std::string text = object_->title() + " failed before its first batch was done, " +
                           before_->title() + " goes on: " + std::string{why};
  std::unique_ptr<plugin_object> failed;
  exchange(failed, before_);
  {
    const std::lock_guard lock{object_mutex_};
    add_counters(carried_metrics_, failed->metrics());
  }
  spec_ = *std::exchange(spec_before_, std::nullopt);
  bypassed_ = bypassed_before_;
  fault_times_.fill(long_ago);
  policy_due_.clear();
  shared_.tell(SLUICE_WARN, name_, "swap_reverted", text);
  if (trial_ != nullptr) std::exchange(trial_, nullptr)->end(trial::verdict::reverted, why);
  shared_.retire(std::move(failed));
}

// --- other changes ------------------------------------------------------------------------------

bool stage::reconfigure(const config::stage_spec& next) {
  if (on_trial()) prove();
  keep_secrets(*next.settings);
  const auto before = object_->take_settings(next.settings);
  const sluice_status status = invoke([&](sluice_text* text) {
    return object_->swap()->reconfigure(self(), next.settings->data(), next.settings->size(), text);
  });
  if (status == SLUICE_OK) {
    settle(nullptr, 0);
    end_call();
    spec_ = next;
    return true;
  }
  undo(0);
  name_error(status);
  object_->take_settings(before);
  return false;
}

std::uint64_t stage::switch_off() {
  if (on_trial()) prove();
  bypassed_ = spec_.bypassed = true;
  object_->wake_time = SLUICE_NEVER;
  object_->forget_signals();
  return release_held();
}

/// Oldest first.
std::uint64_t stage::release_held() {
  std::uint32_t filled = 0;
  std::uint64_t released = 0;
  const auto flush = [&] {
    pass_on(merged_.data(), filled);
    released += std::exchange(filled, 0);
  };
  for (const std::uint64_t handle : store_.in_order()) {
    merged_[filled++] = *store_.find(handle);
    if (filled == merged_.size()) flush();
  }
  flush();
  store_.clear();
  return released;
}

}  // namespace sluice::runtime
