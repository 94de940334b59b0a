// Up to SLUICE_BATCH_MAX records with their payloads in one buffer, reused from batch to batch.
#pragma once

#include <sluice/abi.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <utility>

namespace sluice::runtime {

/// What a plugin may set of a record is within its bounds.
inline bool sound(const sluice_record& record) {
  return record.priority <= SLUICE_PRIORITY_LOW && record.weight >= 1 &&
         record.weight <= std::numeric_limits<float>::max();
}

class record_batch {
 public:
  std::uint32_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ == SLUICE_BATCH_MAX; }
  sluice_record* data() { return records_.data(); }
  sluice_record& operator[](std::uint32_t i) { return records_[i]; }
  const sluice_record& operator[](std::uint32_t i) const { return records_[i]; }
  std::span<sluice_record> records() { return {records_.data(), count_}; }

  void clear() {
    count_ = 0;
    used_ = 0;
  }

  /// Room for one more record's payload; the caller fills it. The headers' pointers are set by
  /// `seal`, for the buffer may move until then.
  std::uint8_t* append(const sluice_record& header) {
    records_[count_++] = header;
    if (used_ + header.size > capacity_) grow(used_ + header.size);
    std::uint8_t* at = bytes_.get() + used_;
    used_ += header.size;
    return at;
  }

  /// After the last append.
  void seal() {
    const std::uint8_t* at = bytes_.get();
    for (std::uint32_t i = 0; i < count_; ++i) {
      records_[i].data = at;
      at += records_[i].size;
    }
  }

  /// Keeps the headers for which `keep(i)` holds, in order; payloads stay where they are.
  template <typename Keep>
  void retain(Keep&& keep) {
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < count_; ++i)
      if (keep(i)) records_[kept++] = records_[i];
    count_ = kept;
  }

 private:
  void grow(std::size_t needed) {
    const std::size_t capacity = std::max(needed, 2 * capacity_);
    auto larger = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
    if (used_ > 0) std::memcpy(larger.get(), bytes_.get(), used_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }

  std::array<sluice_record, SLUICE_BATCH_MAX> records_;
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t used_ = 0, capacity_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace sluice::runtime
