// The bytes of the command that hands over a message: all but the channel, the message and what an
// entry says of it; and what the command is to its call. Pure.
#pragma once

#include <redis/reply_reader.hpp>

#include <cstdint>
#include <string>

namespace sluice::redis_sink {
using redis::reply_kind;

/// What a stream's entry says of its message, in fields beside it.
enum class entry_fields : std::uint8_t { none, key, key_and_schema };

/// <head><channel>\r\n<middle>[<fields>]<tail><message>\r\n, where channel and message follow their
/// length and \r\n.
struct command_frame {
  std::string head, middle, tail;
  entry_fields fields = entry_fields::none;
};

/// What one command is to the records of its call, which end in their order, each as badly as the
/// worst of its commands.
struct command_label {
  std::uint16_t slot = 0;                    ///< of its channel or key, in a cluster
  std::uint16_t ends = 1;                    ///< records whose last command it is
  reply_kind success = reply_kind::integer;  ///< how Redis answers if it took it
};

/// PUBLISH channel message
inline command_frame publish_frame() { return {"*3\r\n$7\r\nPUBLISH\r\n$", "", "$"}; }

/// SPUBLISH channel message: within the shard of a cluster that serves the channel's slot.
inline command_frame sharded_frame() { return {"*3\r\n$8\r\nSPUBLISH\r\n$", "", "$"}; }

/// XADD stream MAXLEN ~ length * [key number [schema name]] data message: Redis trims to a few tens
/// of entries over `length`, which costs it a quarter less than trimming exactly.
inline command_frame stream_frame(std::uint64_t length, entry_fields fields) {
  const std::string number = std::to_string(length);
  constexpr int others = 8;  // words
  const int words = others + 2 * static_cast<int>(fields);
  return {"*" + std::to_string(words) + "\r\n$4\r\nXADD\r\n$",
          "$6\r\nMAXLEN\r\n$1\r\n~\r\n$" + std::to_string(number.size()) + "\r\n" + number +
              "\r\n$1\r\n*\r\n",
          "$4\r\ndata\r\n$", fields};
}

/// SET key message
inline command_frame value_frame() { return {"*3\r\n$3\r\nSET\r\n$", "", "$"}; }

}  // namespace sluice::redis_sink
