// kite/limits.hpp - what the broker allows and what a legal peer can send.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::kite {

/// Instruments one socket may subscribe; duplicates in a list count.
inline constexpr std::size_t instruments_per_socket = 3'000;
/// Sockets of one api_key; one more is answered with 429.
inline constexpr std::size_t sockets_per_key = 3;
inline constexpr std::size_t instruments_per_key = instruments_per_socket * sockets_per_key;
/// Tokens in one subscribe or mode message; larger lists go out in several.
inline constexpr std::size_t tokens_per_message = 500;

inline constexpr std::size_t packet_size_max = 184;
/// A full socket's worth of full packets with their length prefixes.
inline constexpr std::size_t frame_size_max = 2 + instruments_per_socket * (2 + packet_size_max);
/// Frames above this are refused: no legal one comes near.
inline constexpr std::size_t frame_size_refused = 2u << 20;
/// Text messages above this are refused.
inline constexpr std::size_t text_size_refused = 1u << 20;

/// Silence after which a socket is dead; heartbeats come about every second.
inline constexpr std::int64_t silence_limit_ns = 5'000'000'000;

}  // namespace sluice::kite
