#include "message.hpp"

#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

namespace sluice::redis_sink {
namespace {

// "{" before the members, and at most `,"seq":<20 digits>,"w":<16 characters>}` behind them.
constexpr std::uint64_t frame_max = 1 + 7 + 20 + 5 + 16 + 1;

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

}  // namespace

std::uint64_t write_json_message(const record& of, const sluice_codec& codec, char* out,
                                 std::uint64_t capacity) {
  if (!std::isfinite(of.weight)) return 0;
  const std::uint64_t room = capacity > frame_max ? capacity - frame_max : 0;
  const std::uint64_t members = codec.write_json(&of, out + 1, room);
  if (members == 0) return 0;
  if (members > room) return members + frame_max;
  *out = '{';
  char* end = put(out + 1 + members, ",\"seq\":");
  end = std::to_chars(end, end + 20, of.seq).ptr;
  if (of.weight != 1) {
    end = put(end, ",\"w\":");
    end = std::to_chars(end, end + 16, of.weight).ptr;
  }
  *end++ = '}';
  return static_cast<std::uint64_t>(end - out);
}

std::uint64_t write_raw_message(const record& of, char* out, std::uint64_t capacity) {
  if (of.size <= capacity && of.size != 0) std::memcpy(out, of.data, of.size);
  return of.size;
}

}  // namespace sluice::redis_sink
