// Where a stage's records can be watched: what the stage's lane does about it.
#pragma once

#include <sluice/abi.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace sluice::runtime {

/// Which records are wanted: all that it names must be so.
struct tap_filter {
  std::optional<std::uint64_t> key{};
  std::optional<std::uint8_t> priority{};
  std::uint16_t schema = 0;  ///< 0: any
  std::uint32_t every = 1;   ///< of those, each n-th; 1 or more

  bool wants(const sluice_record& record) const {
    return (!key || record.key == *key) && (!priority || record.priority == *priority) &&
           (schema == 0 || record.schema == schema);
  }
};

/// Copies of records. Its memory is taken when it is made.
class tap_buffer {
 public:
  /// Keeps what fits of those the filter wants. `phase` counts them, from one call to the next.
  void take(const tap_filter& filter, std::uint32_t& phase, const sluice_record* records,
            std::uint32_t count);
  /// Their payloads are the buffer's.
  std::span<const sluice_record> records() const { return {records_.data(), size_}; }
  std::uint64_t lost() const { return lost_; }  ///< wanted, and there was no room

  static constexpr std::size_t records_max = 1024, bytes_max = 256u << 10;

 private:
  std::array<sluice_record, records_max> records_;
  std::array<std::uint8_t, bytes_max> bytes_;
  std::uint32_t size_ = 0;
  std::size_t used_ = 0;
  std::uint64_t lost_ = 0;
};

/// Of one stage. A stage nobody watches pays one relaxed load for each batch; one that is watched
/// never waits: what comes while a watcher has the lock is not looked at, and counted.
class tap_point {
 public:
  /// For the stage's lane.
  bool watched() const { return watched_.load(std::memory_order_relaxed); }
  void offer(const sluice_record* records, std::uint32_t count);

  /// [any] From now on `watcher` gets what `filter` wants.
  void open(const void* watcher, const tap_filter& filter);
  void close(const void* watcher);
  /// [any] What has come since it was last asked, in place of an empty one.
  std::unique_ptr<tap_buffer> exchange(const void* watcher, std::unique_ptr<tap_buffer> empty);
  /// [any] Records that were not looked at, since the start.
  std::uint64_t missed() const { return missed_.load(std::memory_order_relaxed); }

 private:
  struct watch {
    const void* by;
    tap_filter filter;
    std::uint32_t phase;
    std::unique_ptr<tap_buffer> into;
  };

  std::atomic<bool> watched_{false};
  std::atomic<std::uint64_t> missed_{0};
  std::mutex mutex_;
  std::vector<watch> watches_;
};

}  // namespace sluice::runtime
