// spool/frame.hpp - one record as bytes of a segment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::spool {

/// A record as it lies in a file. What is borrowed is valid as long as the bytes it was read from.
struct entry {
  std::uint64_t serial = 0;  ///< of the spool, from 1, without gaps
  std::uint64_t key = 0, seq = 0;
  std::int64_t received_unix_ns = 0, exchange_ns = 0;
  std::uint32_t index = 0;  ///< the host's, when it was written
  float weight = 1;
  std::uint8_t priority = 1, flags = 0;
  std::string_view schema;  ///< its name: numbers are of one process
  std::span<const std::uint8_t> payload;
};

/// Bytes of a frame beside the schema's name and the payload.
inline constexpr std::size_t frame_head_size = 64;
/// A record whose frame would be larger is not taken.
inline constexpr std::size_t frame_max = 4u << 20;

std::size_t frame_size(const entry& of);
/// Appends a frame: checksum (CRC-32 of all that follows it), size, header, name, payload; numbers
/// are little-endian.
void append_frame(std::vector<std::uint8_t>& to, const entry& of);

enum class parsed { whole, short_of_bytes, broken };
struct parse_result {
  parsed is = parsed::broken;
  std::size_t size = 0;  ///< of the frame; short_of_bytes: as far as it is known, else 0
  entry read;
};
/// The frame that begins at the first byte.
parse_result parse_frame(std::span<const std::uint8_t> bytes);

}  // namespace sluice::spool
