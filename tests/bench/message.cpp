#include "message.hpp"

#include "feed.hpp"

#include <kite/json.hpp>

namespace bench {

namespace {

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string{text} + "\r\n";
}

}  // namespace

std::string channel_of(std::uint32_t instrument) {
  return "ticker:unknown:" + std::to_string(token_of(instrument));
}

std::string publish_command(std::string_view word, std::uint32_t instrument) {
  std::uint8_t wire[184];
  encode_tick(instrument, load{}.instruments, wire);
  std::string json(sluice::kite::tick_json_max, '\0');
  json.resize(sluice::kite::write_tick(wire, json.data(), json.size()));
  return "*3\r\n" + bulk(word) + bulk(channel_of(instrument)) + bulk("{" + json + ",\"seq\":1}");
}

}  // namespace bench
