// Wakes an event loop from any thread without allocating: the one handler that can be on its way
// has its memory here.
#pragma once

#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <cassert>
#include <cstddef>

namespace sluice::redis {

/// Outlives the io_context it wakes.
class wake_slot {
 public:
  /// Any thread.
  void wake(boost::asio::io_context& io) {
    if (on_its_way_.exchange(true)) return;
    // The handler's memory is free again before it runs.
    boost::asio::post(
        io, boost::asio::bind_allocator(allocator<void>{this}, [this] { on_its_way_ = false; }));
  }

 private:
  template <typename T>
  struct allocator {
    using value_type = T;
    explicit allocator(wake_slot* slot) : slot_{slot} {}
    template <typename Other>
    allocator(const allocator<Other>& other) : slot_{other.slot_} {}
    T* allocate(std::size_t count) {
      assert(count * sizeof(T) <= sizeof slot_->memory_ && alignof(T) <= alignof(std::max_align_t));
      return reinterpret_cast<T*>(slot_->memory_);
    }
    void deallocate(T*, std::size_t) {}
    template <typename Other>
    bool operator==(const allocator<Other>& other) const {
      return slot_ == other.slot_;
    }
    wake_slot* slot_;
  };

  std::atomic<bool> on_its_way_{false};
  alignas(std::max_align_t) std::byte memory_[256];
};

}  // namespace sluice::redis
