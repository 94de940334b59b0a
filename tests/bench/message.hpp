// What redis_sink sends for a tick, made by hand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

/// "ticker:unknown:<token>", the default channel where nothing is known of an instrument.
std::string channel_of(std::uint32_t instrument);
/// `word` (PUBLISH or SPUBLISH) with the full tick `instrument` as JSON, in RESP.
std::string publish_command(std::string_view word, std::uint32_t instrument);

}  // namespace bench
