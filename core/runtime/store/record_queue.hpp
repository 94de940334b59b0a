// The bounded priority queue between two lanes. It owns its bytes, in memory fixed at its start.
#pragma once

#include "config/pipeline.hpp"
#include "runtime/snapshot.hpp"
#include "runtime/store/record_batch.hpp"

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

namespace sluice::runtime {

/// Any number of lanes push, one lane pops. All calls are for any thread.
///
/// Records (whose priority is 0, 1 or 2) leave by priority, oldest first. A tenth of both bounds is
/// kept for priority 0, which no policy drops while a lesser record is there to go instead.
class record_queue {
 public:
  /// What to do while a `block` queue has no room: called without the lock held, before waiting and
  /// about every 100 ms, by the pushing lane; it wakes whoever pops.
  using waiting = std::function<void()>;

  /// `may_wait`: a push waits for room in a `block` queue. Else it grows (virtual time, where one
  /// thread runs all; a lane is then not stepped while `has_room` is false).
  /// The bound in bytes is counted in chunks of this size; a full Kite tick (184) fits one.
  static constexpr std::uint32_t chunk_size = 192;

  /// `guarded`: keep_latest may be asked for.
  record_queue(const config::queue_spec& spec, std::uint32_t max_keys, bool may_wait,
               bool guarded = false);

  /// Copies them in; what does not fit is dropped by the policy and counted here.
  void push(std::span<const sluice_record> records, std::int64_t now, const waiting& meanwhile);

  /// Appends at most `most` records to `into` (which is cleared first) and returns how many.
  std::uint32_t pop(record_batch& into, std::uint32_t most, std::int64_t now);

  /// On: of each key, schema and priority but 0 only the newest stays, of what is here and of what
  /// comes, and nothing expires. Off: the policy alone again, and max_delay begins anew.
  void keep_latest(bool on, std::int64_t now);

  /// Drops all but priority 0; how many.
  std::uint32_t refuse(std::uint32_t reason);

  /// A producer that will push no more; the queue is closed after the last of them.
  void add_producer();
  void remove_producer();
  bool closed() const;
  /// Drops all there is, and all that is still to be pushed, as `shutdown`.
  void abandon();
  /// False for a `block` queue that is full.
  bool has_room() const;

  std::uint32_t depth() const;
  /// Nanoseconds the oldest record has been here; 0 if empty.
  std::int64_t oldest_age(std::int64_t now) const;

  struct reading {
    queue_state state;
    std::uint64_t pushed = 0, popped = 0;
    std::array<std::uint64_t, SLUICE_DROP_REASONS> dropped{};
    /// Nonzero only if the queue lost count.
    std::int64_t imbalance = 0;
  };
  reading read(std::int64_t now) const;

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  static constexpr std::uint32_t priorities = 3;

  struct node {
    sluice_record header;  // `reserved` is the time of arrival here
    std::uint32_t chunk = none;
    std::uint32_t next = none, previous = none;
    std::uint32_t newer = none, older = none;  // conflating: of its key and priority
  };
  struct chunk {
    std::uint8_t bytes[chunk_size];
  };
  struct list {
    std::uint32_t head = none, tail = none, count = 0, chunks = 0;
  };

  static std::uint32_t chunks_of(std::uint32_t bytes) {
    return (bytes + chunk_size - 1) / chunk_size;
  }
  bool fits(std::uint32_t priority, std::uint32_t chunks) const;
  bool bytes_fit(std::uint32_t priority, std::uint32_t chunks) const;
  bool could_fit(std::uint32_t priority, std::uint32_t chunks, bool newest) const;
  std::uint32_t largest(std::uint32_t priority) const;
  bool late(std::int64_t now) const;
  void push_one(const sluice_record& record, std::int64_t now);
  bool conflating() const { return keeps_latest_ || spec_.policy == config::when_full::conflate; }
  node* replaceable(const sluice_record& record);
  bool conflate(const sluice_record& record, std::int64_t now);
  void fold(std::uint32_t number);
  void move_up(node& old, node& last);
  void link(std::uint32_t number);
  void unlink(std::uint32_t number);
  bool make_room(std::uint32_t priority, std::uint32_t chunks);
  void insert(const sluice_record& record, std::int64_t now);
  void remove(std::uint32_t number);
  void drop(std::uint32_t number, std::uint32_t reason);
  void count_drop(std::uint32_t priority, std::uint32_t reason);
  void store(node& into, const sluice_record& record);
  std::uint32_t take_chunk();
  void release_chunks(const node& of);
  void load(const node& from, std::uint8_t* to) const;
  void expire(std::int64_t now);
  bool roomy() const;
  bool pushable(const sluice_record& record);
  std::uint32_t* newest_of(const sluice_record& record);
  std::uint32_t oldest() const;

  const config::queue_spec spec_;
  const bool may_wait_;
  const std::uint32_t record_limit_, chunk_limit_;      // all
  const std::uint32_t record_reserve_, chunk_reserve_;  // of it, for priority 0 alone

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::uint32_t waiting_ = 0, wanted_ = 0;  // pushers that wait, the most chunks one of them needs
  std::vector<node> nodes_;
  std::vector<chunk> chunks_;
  std::vector<std::uint32_t> chunk_next_;
  std::uint32_t free_node_ = none, free_chunk_ = none;
  std::uint32_t node_count_ = 0, chunk_count_ = 0;  // in use
  std::array<list, priorities> lists_;
  std::vector<std::uint32_t> newest_;  // conflating: by priority and key index, its last node
  bool keeps_latest_ = false;
  std::uint32_t producers_ = 0;
  bool closed_ = false, abandoned_ = false;
  std::int64_t above_since_ = 0;  // max_delay: since when the least delay is above it; 0: it is not
  std::uint64_t pushed_ = 0, popped_ = 0, priority_lost_ = 0;
  std::array<std::uint64_t, SLUICE_DROP_REASONS> dropped_{};
};

}  // namespace sluice::runtime
