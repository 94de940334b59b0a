#include "misbehaviour.hpp"

#include <kite/packet.hpp>

#include <algorithm>

namespace sluice::kite_server {

std::optional<misbehaviour> parse_misbehaviour(std::string_view name) {
  const auto found = std::find(misbehaviour_names.begin(), misbehaviour_names.end(), name);
  if (found == misbehaviour_names.end()) return std::nullopt;
  return static_cast<misbehaviour>(found - misbehaviour_names.begin());
}

void damager::set_count(std::size_t count) {
  damaged_[0] = static_cast<std::uint8_t>(count >> 8);
  damaged_[1] = static_cast<std::uint8_t>(count);
}

std::span<const std::uint8_t> damager::maybe_damage(std::span<const std::uint8_t> frame) {
  const std::size_t way = below(12);
  if (way >= 6) return frame;
  damaged_.assign(frame.begin(), frame.end());
  const std::size_t count = kite::load_u16(frame.data());
  switch (way) {
    case 0:  // cut short
      damaged_.resize(2 + below(damaged_.size() - 1));
      break;
    case 1:  // more packets announced than there are
      set_count(std::min<std::size_t>(count + 1 + below(100), 0xffff));
      break;
    case 2:  // fewer
      set_count(count == 0 ? 0 : below(count));
      break;
    case 3: {  // one packet more, of a length that is none of the protocol's
      constexpr std::array<std::uint8_t, 4> lengths{16, 164, 0, 45};
      const std::uint8_t length = lengths[below(lengths.size())];
      damaged_.push_back(0);
      damaged_.push_back(length);
      for (std::size_t i = 0; i < length; ++i)
        damaged_.push_back(static_cast<std::uint8_t>(random_()));
      set_count(count + 1);
      break;
    }
    case 4:  // a first packet longer than the frame
      if (damaged_.size() >= 4) damaged_[2] = damaged_[3] = 0xff;
      break;
    default:  // bytes behind the last packet
      for (std::size_t i = 1 + below(32); i != 0; --i)
        damaged_.push_back(static_cast<std::uint8_t>(random_()));
  }
  return damaged_;
}

}  // namespace sluice::kite_server
