// How near Redis is to cutting a subscriber: what it holds for the slowest, against
// client-output-buffer-limit. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::redis_sink {

/// Bytes that Redis holds for one subscriber; 0: no limit. Redis's own unless configured.
/// https://redis.io/docs/latest/develop/reference/clients/#output-buffer-limits
struct reader_limits {
  std::uint64_t hard = 32u << 20;  ///< it is cut at once
  std::uint64_t soft = 8u << 20;   ///< it is cut when so much is held for long

  /// The lower of those there are; 0: none is.
  std::uint64_t lowest() const;
};

/// Of a value as CONFIG GET client-output-buffer-limit answers it: "normal 0 0 0 slave ... pubsub
/// 33554432 8388608 60". What it does not say stays as it is by default.
reader_limits reader_limits_in(std::string_view config);

struct slow_reader {
  std::uint64_t bytes = 0;  ///< held for it
  std::string name;         ///< as it calls itself, or its address
};

/// The one that most is held for, of an answer to CLIENT LIST TYPE pubsub.
slow_reader slowest_reader_in(std::string_view client_list);

}  // namespace sluice::redis_sink
