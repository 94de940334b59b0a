// What a running pipeline answers on its control socket.
//
// A request is one line, {"get": "status"} or {"do": "breaker", "stage": "", "state": "open"}, at
// most 4096 bytes. The reply is one line, {"ok": true,
// "bytes": n}, and n bytes of document; or {"ok": false, "error": "..."}. Then the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::control {

inline constexpr std::size_t request_max = 4096;

struct request {
  /// status, page, metrics, events, operations, commands, config, or tap?... (tap_query.hpp)
  std::string get;
  std::uint64_t after = 0;  ///< events, operations, records of a tap: those numbered above
  std::string act{};        ///< or, if it is not empty, the command: a JSON object, {"do": ...}
};

std::string render(const request& asked);
/// Throws std::runtime_error that says what is wrong with it.
request parse_request(std::string_view line);

std::string reply_header(std::size_t bytes);
std::string refusal(std::string_view error);
/// The document's size. Throws std::runtime_error with the refusal, or that it is no reply.
std::size_t parse_reply_header(std::string_view line);

}  // namespace sluice::control
