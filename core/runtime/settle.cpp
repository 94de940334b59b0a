// After a transform's call: its answers are checked and counted, what it made and released joins
// what it kept, and all goes on. After a fault nothing of the call is left.
#include "runtime/lane.hpp"
#include "runtime/stage.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace sluice::runtime {

bool stage::answers_allowed(std::uint32_t size) {
  std::uint32_t held = 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    const std::uint8_t answer = answers_[i];
    if (answer < SLUICE_DROP_REASONS) continue;
    if (answer == SLUICE_ABSORB && can(SLUICE_CAN_ABSORB)) continue;
    if (answer == SLUICE_HELD && held_bits_[i]) {
      ++held;
      continue;
    }
    const int length = std::snprintf(
        error_text_.data(), error_text_.size(), "answered %u for record %u of a batch, which %s",
        static_cast<unsigned>(answer), static_cast<unsigned>(i),
        answer == SLUICE_ABSORB ? "it did not declare (SLUICE_CAN_ABSORB)"
                                : "is not a transform's answer");
    error_size_ = static_cast<std::size_t>(length);
    return false;
  }
  if (held == held_now_.size()) return true;
  error_size_ = static_cast<std::size_t>(
      std::snprintf(error_text_.data(), error_text_.size(),
                    "answered a record twice: held it, then answered something else"));
  return false;
}

/// What a transform may change of a record must still be what the host can carry.
bool stage::headers_allowed(const sluice_record* records, std::uint32_t size) {
  for (std::uint32_t i = 0; i < size; ++i) {
    if (sound(records[i])) continue;
    error_size_ = static_cast<std::size_t>(std::snprintf(
        error_text_.data(), error_text_.size(),
        "gave record %u of a batch priority %u and weight %g: allowed are 0 to 2, and 1 or more",
        static_cast<unsigned>(i), static_cast<unsigned>(records[i].priority),
        static_cast<double>(records[i].weight)));
    return false;
  }
  return true;
}

std::uint32_t stage::tally(sluice_record* records, std::uint32_t size) {
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    const std::uint8_t answer = answers_[i];
    if (answer == SLUICE_KEEP) {
      if (kept != i) records[kept] = records[i];
      origin_[kept++] = static_cast<std::uint8_t>(i);
    } else if (answer < SLUICE_DROP_REASONS) {
      ++count.dropped[answer];
    } else if (answer == SLUICE_ABSORB) {
      ++count.absorbed;
    }
  }
  return kept;
}

void stage::settle(sluice_record* records, std::uint32_t size) {
  static constexpr std::array<std::uint8_t, SLUICE_BATCH_MAX> all_kept{};
  const bool plain = insertions_.empty() && staged_drops_.empty();
  if (size > 0 && plain && std::memcmp(answers_.data(), all_kept.data(), size) == 0)
    return pass_on(records, size);

  const std::uint32_t kept = tally(records, size);
  for (const staged_drop& each : staged_drops_) ++count.dropped[each.reason];
  if (insertions_.empty()) {
    clear_staged();
    return pass_on(records, kept);
  }
  for (const insertion& each : insertions_)
    if (each.handle == 0) ++count.created;
  forward_merged(records, kept);
  clear_staged();
}

void stage::forward_merged(sluice_record* records, std::uint32_t kept) {
  std::uint32_t filled = 0;
  const auto put = [&](const sluice_record& record) {
    merged_[filled++] = record;
    if (filled < merged_.size()) return;
    pass_on(merged_.data(), filled);
    filled = 0;
  };
  std::size_t next = 0;
  const auto put_insertions_before = [&](std::uint32_t position) {
    for (; next < insertions_.size() && insertions_[next].position <= position; ++next) {
      sluice_record& record = insertions_[next].record;
      record.data = staged_bytes_.data() + insertions_[next].offset;
      if (!insertions_[next].numbered) record.seq = keys().next_seq(record.index);
      put(record);
    }
  };
  for (std::uint32_t i = 0; i < kept; ++i) {
    put_insertions_before(origin_[i]);
    put(records[i]);
  }
  put_insertions_before(SLUICE_AT_END);
  pass_on(merged_.data(), filled);
}

bool stage::held_now(std::uint64_t handle) const {
  return std::find(held_now_.begin(), held_now_.end(), handle) != held_now_.end();
}

/// What is released or dropped leaves the store; while a call may be taken back, at its end.
bool stage::let_go(std::uint64_t handle) {
  return on_trial() ? store_.set_aside(handle) : store_.remove(handle);
}

/// As if the call had not been made: another object will make it.
void stage::take_back() {
  store_.restore();
  for (const std::uint64_t handle : held_now_) store_.remove(handle);
  clear_staged();
}

void stage::undo(std::uint32_t size) {
  // The whole batch is dropped, and with it what it had held of it; of what was held before, what
  // this call let go is gone.
  count.dropped[SLUICE_DROP_FAULT] += size;
  for (const insertion& each : insertions_)
    if (each.handle != 0 && !held_now(each.handle)) ++count.dropped[SLUICE_DROP_FAULT];
  for (const staged_drop& each : staged_drops_)
    if (!held_now(each.handle)) ++count.dropped[each.reason];
  for (const std::uint64_t handle : held_now_) store_.remove(handle);
  clear_staged();
}

void stage::clear_staged() {
  store_.forget_aside();
  insertions_.clear();
  staged_bytes_.clear();
  staged_drops_.clear();
  emitted_ = 0;
  emitted_bytes_ = 0;
  held_now_.clear();
  held_bits_.reset();
}

void stage::pass_on(sluice_record* records, std::uint32_t size) {
  if (size == 0) return;
  if (tap->watched()) [[unlikely]]
    tap->offer(records, size);
  if (edges_.size() == 1 && edges_.front().when.always()) {
    count.out += size;
    return edges_.front().send(records, size, *lane_);
  }
  // A record sent on k > 1 edges is copied k - 1 times; on none it is unrouted.
  std::array<std::uint8_t, SLUICE_BATCH_MAX> sent{};
  for (edge& each : edges_) {
    std::uint32_t chosen = 0;
    for (std::uint32_t i = 0; i < size; ++i) {
      if (!each.when.holds(records[i], lane_->attributes())) continue;
      branch_[chosen++] = records[i];
      ++sent[i];
    }
    count.out += chosen;
    if (chosen > 0) each.send(branch_.data(), chosen, *lane_);
  }
  std::uint64_t copies = 0;
  for (std::uint32_t i = 0; i < size; ++i) {
    if (sent[i] == 0) ++count.dropped[SLUICE_DROP_UNROUTED];
    if (sent[i] > 1) copies += sent[i] - 1u;
  }
  count.created += copies;
  count.copied += copies;
}

}  // namespace sluice::runtime
