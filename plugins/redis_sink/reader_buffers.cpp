#include "reader_buffers.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::redis_sink {
namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// The first word of `rest`, which loses it.
std::string_view take_word(std::string_view& rest, char end) {
  const std::string_view word = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  return word;
}

}  // namespace

std::uint64_t reader_limits::lowest() const {
  if (hard == 0 || soft == 0) return std::max(hard, soft);
  return std::min(hard, soft);
}

reader_limits reader_limits_in(std::string_view config) {
  reader_limits made;
  while (!config.empty()) {
    if (take_word(config, ' ') != "pubsub") continue;
    if (config.empty()) break;
    made.hard = number(take_word(config, ' '));
    made.soft = number(take_word(config, ' '));
  }
  return made;
}

/// A line a client: "id=3 addr=127.0.0.1:40 ... name=dashboard ... omem=20504 ...".
slow_reader slowest_reader_in(std::string_view client_list) {
  slow_reader worst;
  while (!client_list.empty()) {
    std::string_view line = take_word(client_list, '\n');
    std::string_view address, name;
    std::uint64_t bytes = 0;
    while (!line.empty()) {
      std::string_view value = take_word(line, ' ');
      const std::string_view key = take_word(value, '=');
      if (key == "addr") address = value;
      if (key == "name") name = value;
      if (key == "omem") bytes = number(value);
    }
    if (bytes > worst.bytes) worst = {bytes, std::string{name.empty() ? address : name}};
  }
  return worst;
}

}  // namespace sluice::redis_sink
