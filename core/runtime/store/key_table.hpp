// Keys to dense numbers: (source, key) -> index, and the next seq of each.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

namespace sluice::runtime {

/// The pipeline's index space, shared by the key tables of all its sources. Any thread.
class index_space {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  explicit index_space(std::uint32_t max_keys) : max_keys_{max_keys}, keys_(max_keys) {}
  std::uint32_t max_keys() const { return max_keys_; }
  std::uint32_t used() const { return used_.load(std::memory_order_relaxed); }
  /// The next free index, for `key`; `none` when there are max_keys.
  std::uint32_t take(std::uint64_t key) {
    std::uint32_t next = used_.load(std::memory_order_relaxed);
    while (next < max_keys_) {
      if (!used_.compare_exchange_weak(next, next + 1, std::memory_order_relaxed)) continue;
      keys_[next].store(key, std::memory_order_relaxed);
      return next;
    }
    return none;
  }
  /// Whether `index` was given for `key`, as far as this lane can know.
  bool is(std::uint32_t index, std::uint64_t key) const {
    return index < used() && keys_[index].load(std::memory_order_relaxed) == key;
  }

 private:
  const std::uint32_t max_keys_;
  std::atomic<std::uint32_t> used_{0};
  std::vector<std::atomic<std::uint64_t>> keys_;  // by index
};

/// One stage's keys. For the stage's lane. Memory is fixed at its start.
class key_table {
 public:
  explicit key_table(index_space& space);

  /// The key's index, assigned at first sight; index_space::none when all are taken.
  std::uint32_t index_of(std::uint64_t key);
  /// The key's next seq, from 1.
  std::uint64_t next_seq(std::uint32_t index) { return ++seq_[index]; }

 private:
  struct entry {
    std::uint64_t key = 0;
    std::uint32_t index = index_space::none;
  };
  index_space& space_;
  std::uint64_t mask_;
  std::vector<entry> entries_;  // open addressing, linear probing, at most half full
  std::vector<std::uint64_t> seq_;
};

/// A good spread of 64 bits (the finalizer of MurmurHash3, by Austin Appleby, public domain).
constexpr std::uint64_t spread(std::uint64_t key) {
  key ^= key >> 33;
  key *= 0xff51afd7ed558ccdULL;
  key ^= key >> 33;
  key *= 0xc4ceb9fe1a85ec53ULL;
  return key ^ (key >> 33);
}

}  // namespace sluice::runtime
