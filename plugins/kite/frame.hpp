// kite/frame.hpp - cutting a binary WebSocket message into packets, and making one.
#pragma once

#include <kite/packet.hpp>

#include <cstdint>
#include <vector>

namespace sluice::kite {

/// What a frame held.
struct frame_summary {
  std::uint32_t packets = 0;          ///< given to the callback
  std::uint32_t unknown_lengths = 0;  ///< skipped: not one of the five kinds
  bool heartbeat = false;             ///< the one-byte frame
  bool damaged = false;  ///< cut short, or bytes after the last packet; the good packets were given
};

/// Calls on_packet(bytes_view packet, packet_kind kind) for every good packet, in order. The views
/// point into `frame`. Allocates nothing, reads nothing outside, whatever the bytes are. An empty
/// frame is nothing at all.
template <typename OnPacket>
frame_summary split(bytes_view frame, OnPacket&& on_packet) {
  frame_summary found;
  if (frame.size() < 2) {
    found.heartbeat = frame.size() == 1;
    return found;
  }
  std::size_t at = 2;
  for (std::uint32_t left = load_u16(frame.data()); left != 0; --left) {
    if (frame.size() - at < 2) break;
    const std::size_t length = load_u16(frame.data() + at);
    if (frame.size() - at - 2 < length) break;
    const bytes_view packet = frame.subspan(at + 2, length);
    at += 2 + length;
    if (const auto kind = kind_of(length)) {
      ++found.packets;
      on_packet(packet, *kind);
    } else {
      ++found.unknown_lengths;
    }
    if (left == 1) {
      found.damaged = at != frame.size();
      return found;
    }
  }
  found.damaged = load_u16(frame.data()) != 0 || frame.size() != 2;
  return found;
}

/// Builds one frame at a time in a buffer it keeps. Not for two threads at once.
class frame_builder {
 public:
  /// `packets_max`: at most 65,535; the memory for as many full packets is taken at once.
  explicit frame_builder(std::size_t packets_max = instruments_per_socket);

  /// False, and nothing done: the frame is full.
  bool add(const packet& which);
  /// A packet in wire form of at most packet_size_max bytes; its length is not checked to be one of
  /// the five, so that a test can make what a splitter must skip.
  bool add(bytes_view wire);

  std::size_t packets() const { return packets_; }
  bool empty() const { return packets_ == 0; }
  bool full() const { return packets_ == packets_max_; }
  /// The frame as it is now; valid until the next add or clear.
  bytes_view frame() const { return {buffer_.data(), size_}; }
  void clear();

 private:
  std::uint8_t* begin_packet();
  void end_packet(std::size_t length);

  std::vector<std::uint8_t> buffer_;
  std::size_t packets_max_;
  std::size_t packets_ = 0;
  std::size_t size_ = 2;
};

/// The heartbeat frame.
inline constexpr std::array<std::uint8_t, 1> heartbeat_frame{0};

}  // namespace sluice::kite
