#include "frame.hpp"

#include <zlib.h>

#include <cstring>

namespace sluice::spool {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

struct head {
  std::uint32_t checksum, size;
  std::uint64_t serial, key, seq;
  std::int64_t received_unix_ns, exchange_ns;
  std::uint32_t index;
  float weight;
  std::uint8_t priority, flags;
  std::uint16_t schema_size;
  std::uint32_t unused;
};
static_assert(sizeof(head) == frame_head_size);

std::uint32_t checksum(const std::uint8_t* frame, std::size_t size) {
  constexpr std::size_t after = sizeof head::checksum;
  return static_cast<std::uint32_t>(::crc32_z(0, frame + after, size - after));
}

}  // namespace

std::size_t frame_size(const entry& of) {
  return frame_head_size + of.schema.size() + of.payload.size();
}

void append_frame(std::vector<std::uint8_t>& to, const entry& of) {
  const std::size_t at = to.size(), size = frame_size(of);
  head made{0,
            static_cast<std::uint32_t>(size),
            of.serial,
            of.key,
            of.seq,
            of.received_unix_ns,
            of.exchange_ns,
            of.index,
            of.weight,
            of.priority,
            of.flags,
            static_cast<std::uint16_t>(of.schema.size()),
            0};
  to.resize(at + frame_head_size);
  std::memcpy(to.data() + at, &made, sizeof made);
  to.insert(to.end(), of.schema.begin(), of.schema.end());
  to.insert(to.end(), of.payload.begin(), of.payload.end());
  const std::uint32_t sum = checksum(to.data() + at, size);
  std::memcpy(to.data() + at, &sum, sizeof sum);
}

parse_result parse_frame(std::span<const std::uint8_t> bytes) {
  parse_result made;
  head seen;
  if (bytes.size() < sizeof seen) {
    made.is = parsed::short_of_bytes;
    return made;
  }
  std::memcpy(&seen, bytes.data(), sizeof seen);
  // Zeros, which a power cut may leave, are no size.
  if (seen.size < frame_head_size + seen.schema_size || seen.size > frame_max) return made;
  made.size = seen.size;
  if (bytes.size() < seen.size) {
    made.is = parsed::short_of_bytes;
    return made;
  }
  if (checksum(bytes.data(), seen.size) != seen.checksum) return made;
  const std::span rest = bytes.subspan(sizeof seen, seen.size - sizeof seen);
  made.is = parsed::whole;
  made.read = {seen.serial,
               seen.key,
               seen.seq,
               seen.received_unix_ns,
               seen.exchange_ns,
               seen.index,
               seen.weight,
               seen.priority,
               seen.flags,
               {reinterpret_cast<const char*>(rest.data()), seen.schema_size},
               rest.subspan(seen.schema_size)};
  return made;
}

}  // namespace sluice::spool
