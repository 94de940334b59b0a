// The bytes of the command that hands over a message: all but the channel, the message and what an
// entry says of it; and what the command is to its call. Pure.
#pragma once

#include <redis/reply_reader.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice::redis_sink {
using redis::reply_kind;

/// What a stream's entry says of its message, in fields beside it.
enum class entry_fields : std::uint8_t { none, key, key_and_schema };

/// *<words>\r\n<head><channel>\r\n<middle>[<fields>]<tail><message>\r\n, where channel and message
/// follow their length and \r\n.
struct command_frame {
  std::uint64_t words;  ///< all but those of fields
  std::string head, middle, tail;
  entry_fields fields = entry_fields::none;
  std::vector<std::string> attributes{};  ///< of the key, each a field if it has it
};

/// What one command is to the records of its call, which end in their order, each as badly as the
/// worst of its commands.
struct command_label {
  std::uint16_t slot = 0;                    ///< of its channel or key, in a cluster
  std::uint16_t ends = 1;                    ///< records whose last command it is
  reply_kind success = reply_kind::integer;  ///< how Redis answers if it took it
};

/// PUBLISH channel message
inline command_frame publish_frame() { return {3, "$7\r\nPUBLISH\r\n$", "", "$"}; }

/// SPUBLISH channel message: within the shard of a cluster that serves the channel's slot.
inline command_frame sharded_frame() { return {3, "$8\r\nSPUBLISH\r\n$", "", "$"}; }

/// XADD stream MAXLEN ~ length * [key number [schema name]] [attribute value]... data message:
/// Redis trims to a few tens of entries over `length`, which costs it a quarter less than trimming
/// exactly.
inline command_frame stream_frame(std::uint64_t length, entry_fields fields,
                                  std::vector<std::string> attributes) {
  const std::string number = std::to_string(length);
  return {8,
          "$4\r\nXADD\r\n$",
          "$6\r\nMAXLEN\r\n$1\r\n~\r\n$" + std::to_string(number.size()) + "\r\n" + number +
              "\r\n$1\r\n*\r\n",
          "$4\r\ndata\r\n$",
          fields,
          std::move(attributes)};
}

/// SET key message
inline command_frame value_frame() { return {3, "$3\r\nSET\r\n$", "", "$"}; }

}  // namespace sluice::redis_sink
