// Time is injected: everything but the clock itself asks one of these.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::runtime {

class clock {
 public:
  virtual ~clock() = default;
  /// Monotonic nanoseconds. Any thread.
  virtual std::int64_t now() const = 0;
  /// Nanoseconds since 1970, UTC. Any thread.
  virtual std::int64_t unix_time() const = 0;
};

class system_clock final : public clock {
 public:
  std::int64_t now() const override;
  std::int64_t unix_time() const override;
};

/// Stands still until it is told to move.
class virtual_clock final : public clock {
 public:
  std::int64_t now() const override { return now_.load(std::memory_order_relaxed); }
  std::int64_t unix_time() const override { return epoch + now(); }
  void advance_to(std::int64_t when) {
    if (when > now()) now_.store(when, std::memory_order_relaxed);
  }

 private:
  static constexpr std::int64_t epoch = 1'767'585'600'000'000'000;  // 2026-01-05 09:30 IST
  std::atomic<std::int64_t> now_{1'000'000'000};
};

}  // namespace sluice::runtime
