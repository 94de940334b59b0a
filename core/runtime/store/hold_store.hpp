// What a stage holds: records it gave the host to keep until it releases or drops them.
#pragma once

#include <sluice/abi.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

namespace sluice::runtime {

/// Bounded in records and bytes. For the stage's lane. Handles carry a generation, so that one used
/// twice is noticed.
class hold_store {
 public:
  hold_store(std::uint32_t records, std::uint64_t bytes) : limit_{records}, byte_limit_{bytes} {}

  /// A handle, never 0; 0 when the store is full.
  std::uint64_t add(const sluice_record& record);
  /// Null for a handle that is not held. Valid until it is removed.
  sluice_record* find(std::uint64_t handle);
  /// False for a handle that is not held.
  bool remove(std::uint64_t handle);
  /// As remove, but `restore` brings it back until `forget_aside`.
  bool set_aside(std::uint64_t handle);
  void restore();
  void forget_aside();
  std::uint64_t size() const { return count_; }
  void clear();
  /// All that is held, oldest first.
  std::vector<std::uint64_t> in_order() const;

 private:
  struct slot {
    sluice_record record{};
    std::unique_ptr<std::uint8_t[]> bytes;
    std::uint32_t capacity = 0, generation = 1;
    std::uint64_t added = 0;  // how many were before it
    bool used = false;
  };
  // A larger buffer is given back with its record, so that one large record pins nothing.
  static constexpr std::uint32_t keep_capacity = 4096;

  slot* at(std::uint64_t handle);
  bool make_capacity(slot& in, std::uint32_t size);
  void give_back(slot& from);
  void free(std::uint32_t number);

  const std::uint32_t limit_;
  const std::uint64_t byte_limit_;
  std::uint64_t bytes_ = 0, count_ = 0;
  std::deque<slot> slots_;  // addresses stay
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> aside_;
  std::uint64_t added_ = 0;
};

}  // namespace sluice::runtime
