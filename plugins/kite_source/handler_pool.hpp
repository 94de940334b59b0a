// kite_source/handler_pool.hpp - memory for the operations of the event loop: taken once, used
// again and again, so that a message costs no allocation. For one thread.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <new>

namespace sluice::kite_source {

class handler_pool {
 public:
  handler_pool() = default;
  handler_pool(const handler_pool&) = delete;
  handler_pool& operator=(const handler_pool&) = delete;
  ~handler_pool() {
    for (block* list : free_)
      while (list != nullptr) {
        block* next = list->next;
        ::operator delete(list);
        list = next;
      }
  }

  void* take(std::size_t size) {
    const std::size_t of = class_of(size);
    if (of >= classes) return ::operator new(size);
    if (free_[of] == nullptr) return ::operator new(smallest << of);
    block* found = free_[of];
    free_[of] = found->next;
    return found;
  }
  void give(void* memory, std::size_t size) {
    const std::size_t of = class_of(size);
    if (of >= classes) return ::operator delete(memory);
    free_[of] = new (memory) block{free_[of]};
  }

 private:
  struct block {
    block* next;
  };
  static constexpr std::size_t smallest = 64, classes = 8;  // to 8 KiB; larger ones are not kept
  static std::size_t class_of(std::size_t size) {
    return size <= smallest ? 0 : static_cast<std::size_t>(std::bit_width((size - 1) / smallest));
  }
  std::array<block*, classes> free_{};
};

/// The pool as an allocator for asio::bind_allocator. The pool outlives what it allocates.
template <typename T>
class pool_allocator {
 public:
  using value_type = T;
  explicit pool_allocator(handler_pool& pool) : pool_{&pool} {}
  template <typename Other>
  pool_allocator(const pool_allocator<Other>& other) : pool_{other.pool_} {}
  T* allocate(std::size_t count) { return static_cast<T*>(pool_->take(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) { pool_->give(memory, count * sizeof(T)); }
  template <typename Other>
  bool operator==(const pool_allocator<Other>& other) const {
    return pool_ == other.pool_;
  }

 private:
  template <typename Other>
  friend class pool_allocator;
  handler_pool* pool_;
};

}  // namespace sluice::kite_source
