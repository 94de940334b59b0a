#include <kite/frame.hpp>

#include <algorithm>
#include <stdexcept>

namespace sluice::kite {

frame_builder::frame_builder(std::size_t packets_max) : packets_max_{packets_max} {
  if (packets_max == 0 || packets_max > 0xffff)
    throw std::invalid_argument{"a frame holds 1 to 65535 packets"};
  buffer_.resize(2 + packets_max * (2 + packet_size_max));
}

bool frame_builder::add(const packet& which) {
  if (full()) return false;
  end_packet(encode(which, {begin_packet(), packet_size_max}));
  return true;
}

bool frame_builder::add(bytes_view wire) {
  if (full() || wire.size() > packet_size_max) return false;
  std::copy(wire.begin(), wire.end(), begin_packet());
  end_packet(wire.size());
  return true;
}

void frame_builder::clear() {
  packets_ = 0;
  size_ = 2;
  buffer_[0] = buffer_[1] = 0;
}

std::uint8_t* frame_builder::begin_packet() { return buffer_.data() + size_ + 2; }

void frame_builder::end_packet(std::size_t length) {
  buffer_[size_] = static_cast<std::uint8_t>(length >> 8);
  buffer_[size_ + 1] = static_cast<std::uint8_t>(length);
  size_ += 2 + length;
  ++packets_;
  buffer_[0] = static_cast<std::uint8_t>(packets_ >> 8);
  buffer_[1] = static_cast<std::uint8_t>(packets_);
}

}  // namespace sluice::kite
