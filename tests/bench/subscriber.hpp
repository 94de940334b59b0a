// A Redis subscriber for benches: when did each tick number arrive?
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace bench {

/// Reads on a thread of its own until it is stopped. Duplicates and strangers are counted.
class subscriber {
 public:
  /// `pattern` as PSUBSCRIBE takes it. Throws std::runtime_error.
  subscriber(std::uint16_t redis_port, const std::string& pattern, std::uint32_t ticks);
  ~subscriber();

  std::uint32_t seen() const { return seen_.load(std::memory_order_acquire); }
  std::uint32_t repeated() const { return repeated_; }
  std::int64_t last_arrival() const { return last_arrival_.load(); }
  /// False if fewer than `ticks` came and none came for `quiet_ms`.
  bool wait(std::uint32_t ticks, int quiet_ms);
  /// By tick number, 0: never came. After `stop`.
  const std::vector<std::int64_t>& arrivals() const { return arrivals_; }
  void stop();

 private:
  void read();
  std::size_t scan(const char* text, std::size_t size, std::int64_t now);

  int socket_ = -1;
  std::vector<std::int64_t> arrivals_;
  std::atomic<std::uint32_t> seen_{0};
  std::uint32_t repeated_ = 0;
  std::atomic<std::int64_t> last_arrival_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace bench
