#include "runtime/tap/tap_point.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::runtime {

void tap_buffer::take(const tap_filter& filter, std::uint32_t& phase, const sluice_record* records,
                      std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const sluice_record& record = records[i];
    if (!filter.wants(record)) continue;
    const bool chosen = phase == 0;
    phase = (phase + 1) % filter.every;
    if (!chosen) continue;
    if (size_ == records_.size() || record.size > bytes_.size() - used_) {
      ++lost_;
      continue;
    }
    sluice_record& kept = records_[size_++] = record;
    kept.data = bytes_.data() + used_;
    if (record.size > 0) std::memcpy(bytes_.data() + used_, record.data, record.size);
    used_ += record.size;
  }
}

void tap_point::offer(const sluice_record* records, std::uint32_t count) {
  const std::unique_lock lock{mutex_, std::try_to_lock};
  if (!lock.owns_lock()) {
    missed_.fetch_add(count, std::memory_order_relaxed);
    return;
  }
  for (watch& each : watches_) each.into->take(each.filter, each.phase, records, count);
}

void tap_point::open(const void* watcher, const tap_filter& filter) {
  auto into = std::make_unique_for_overwrite<tap_buffer>();
  const std::lock_guard lock{mutex_};
  watches_.push_back({watcher, filter, 0, std::move(into)});
  watched_.store(true, std::memory_order_relaxed);
}

void tap_point::close(const void* watcher) {
  const std::lock_guard lock{mutex_};
  std::erase_if(watches_, [&](const watch& each) { return each.by == watcher; });
  watched_.store(!watches_.empty(), std::memory_order_relaxed);
}

std::unique_ptr<tap_buffer> tap_point::exchange(const void* watcher,
                                                std::unique_ptr<tap_buffer> empty) {
  const std::lock_guard lock{mutex_};
  for (watch& each : watches_)
    if (each.by == watcher) return std::exchange(each.into, std::move(empty));
  return empty;
}

}  // namespace sluice::runtime
