// A record as the text of a message. Pure; no allocation.
#pragma once

#include <sluice/ext/codec.h>
#include <sluice/record.hpp>

#include <cstdint>

namespace sluice::redis_sink {

/// {<the codec's members>,"seq":N[,"w":W]}: as publish_buffer's renderer. `w` only when the record
/// stands for more than itself. Any thread.
std::uint64_t write_json_message(const record& of, const sluice_codec& codec, char* out,
                                 std::uint64_t capacity);

/// The payload as it is.
std::uint64_t write_raw_message(const record& of, char* out, std::uint64_t capacity);

}  // namespace sluice::redis_sink
