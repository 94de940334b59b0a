// A Kite feed for benches: one WebSocket client, frames of full packets at a given pace.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace bench {

std::int64_t now_ns();

/// Tick number n carries first_number + n as its volume, so that it always has nine digits.
inline constexpr std::uint32_t first_number = 100'000'000;

struct load {
  std::uint32_t ticks = 0;
  std::uint32_t per_frame = 50;
  double ticks_per_s = 0;  ///< 0: as fast as the client takes them
  std::uint32_t instruments = 1000;
};

/// Serves on 127.0.0.1, to one client after the other. Times are when a tick was due (paced), or
/// when its frame was handed to the kernel.
class feed {
 public:
  feed();
  ~feed();
  std::uint16_t port() const { return port_; }
  /// Accepts a client and waits until it has subscribed. Throws std::runtime_error after 10 s.
  void wait_for_subscription();
  /// Sends the whole load; blocks. Throws std::runtime_error if the client leaves.
  void send(const load& what);
  void hang_up();
  /// By tick number of the load under way.
  const std::vector<std::int64_t>& due() const { return due_; }

 private:
  void write_all(const std::uint8_t* data, std::size_t size);
  void discard_input();

  int listener_ = -1, client_ = -1;
  std::uint16_t port_ = 0;
  std::vector<std::int64_t> due_;
};

/// The tokens of the feed's instruments (NSE equities).
std::uint32_t token_of(std::uint32_t instrument);
/// Tick `number` of a load, in wire form (184 bytes).
void encode_tick(std::uint32_t number, std::uint32_t instruments, std::uint8_t* out);

}  // namespace bench
