#include "runtime/store/hold_store.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::runtime {

std::uint64_t hold_store::add(const sluice_record& record) {
  if (count_ == limit_) return 0;
  if (free_.empty()) {
    // Neither list allocates later: a record must not get lost between them.
    if (free_.capacity() <= slots_.size()) free_.reserve(2 * slots_.size() + 16);
    if (aside_.capacity() <= slots_.size()) aside_.reserve(2 * slots_.size() + 16);
    slots_.emplace_back();
    free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
  }
  const std::uint32_t number = free_.back();
  slot& into = slots_[number];
  if (!make_capacity(into, record.size)) return 0;
  free_.pop_back();
  into.record = record;
  into.record.data = into.bytes.get();
  if (record.size > 0) std::memcpy(into.bytes.get(), record.data, record.size);
  into.used = true;
  into.added = ++added_;
  ++count_;
  return (std::uint64_t{into.generation} << 32) | (number + 1u);
}

bool hold_store::make_capacity(slot& in, std::uint32_t size) {
  if (size <= in.capacity) return true;
  const std::uint32_t wanted = (size + 63u) / 64u * 64u;
  if (bytes_ - in.capacity + wanted > byte_limit_)
    for (const std::uint32_t idle : free_) give_back(slots_[idle]);
  if (bytes_ - in.capacity + wanted > byte_limit_) return false;
  in.bytes = std::make_unique<std::uint8_t[]>(wanted);
  bytes_ += wanted - in.capacity;
  in.capacity = wanted;
  return true;
}

void hold_store::give_back(slot& from) {
  bytes_ -= from.capacity;
  from.capacity = 0;
  from.bytes.reset();
}

hold_store::slot* hold_store::at(std::uint64_t handle) {
  const std::uint64_t number = (handle & UINT32_MAX) - 1;
  if (number >= slots_.size()) return nullptr;
  slot& found = slots_[number];
  return found.used && found.generation == handle >> 32 ? &found : nullptr;
}

sluice_record* hold_store::find(std::uint64_t handle) {
  slot* found = at(handle);
  return found == nullptr ? nullptr : &found->record;
}

bool hold_store::remove(std::uint64_t handle) {
  slot* found = at(handle);
  if (found == nullptr) return false;
  found->used = false;
  --count_;
  free(static_cast<std::uint32_t>(handle & UINT32_MAX) - 1);
  return true;
}

void hold_store::free(std::uint32_t number) {
  slot& freed = slots_[number];
  ++freed.generation;
  if (freed.capacity > keep_capacity) give_back(freed);
  free_.push_back(number);
}

bool hold_store::set_aside(std::uint64_t handle) {
  slot* found = at(handle);
  if (found == nullptr) return false;
  found->used = false;
  --count_;
  aside_.push_back(static_cast<std::uint32_t>(handle & UINT32_MAX) - 1);
  return true;
}

void hold_store::restore() {
  for (const std::uint32_t number : aside_) slots_[number].used = true;
  count_ += aside_.size();
  aside_.clear();
}

void hold_store::forget_aside() {
  for (const std::uint32_t number : aside_) free(number);
  aside_.clear();
}

std::vector<std::uint64_t> hold_store::in_order() const {
  std::vector<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].used) numbers.push_back(i);
  std::sort(numbers.begin(), numbers.end(), [this](std::uint32_t one, std::uint32_t other) {
    return slots_[one].added < slots_[other].added;
  });
  std::vector<std::uint64_t> handles;
  handles.reserve(numbers.size());
  for (const std::uint32_t each : numbers)
    handles.push_back((std::uint64_t{slots_[each].generation} << 32) | (each + 1u));
  return handles;
}

void hold_store::clear() {
  for (std::uint32_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].used) remove((std::uint64_t{slots_[i].generation} << 32) | (i + 1u));
}

}  // namespace sluice::runtime
