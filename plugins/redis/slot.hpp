// Which of a cluster's slots a key or channel belongs to. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::redis {

inline constexpr std::uint32_t slot_count = 16'384;

/// CRC16 (XMODEM) of the key, or of what stands between its first '{' and the next '}' if that is
/// not empty, modulo slot_count.
/// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
std::uint16_t slot_of(std::string_view key);

}  // namespace sluice::redis
