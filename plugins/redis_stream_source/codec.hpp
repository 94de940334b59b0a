// What a stream's entry is in the pipeline: the schema redis.entry/1, whose payload is the bytes of
// the entry's data field.
#pragma once

#include <sluice/ext/codec.h>

#include <string_view>

namespace sluice::redis_stream_source {

inline constexpr std::string_view entry_schema = "redis.entry/1";

/// JSON: the payload as the string `data`, if it is UTF-8; else it is malformed. The same as a
/// field.
extern const sluice_codec entry_codec;

}  // namespace sluice::redis_stream_source
