// The sandbox's own HTTP requests, without sockets: what they ask, and how the answers are written.
//
//   GET  /status
//   POST /misbehave   {"mode": "silence", "seconds": 8}      without seconds: until told otherwise
//   POST /order       {"order_id": "1", "status": "COMPLETE", ...}    the update's data
//   POST /message     {"type": "error", "data": "text"}      or "message"
//   POST /token       {"token": "..."}                       accepted from now on instead
#pragma once

#include "misbehaviour.hpp"

#include <sluice/record.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::kite_server {

class ticker;

struct http_answer {
  unsigned status = 200;
  std::string body;   ///< JSON
  std::string allow;  ///< with 405: the method that is
};

struct want_status {};
struct want_misbehaviour {
  misbehaviour mode = misbehaviour::none;
  duration lasts{};  ///< 0: until told otherwise
};
struct want_text {
  std::string text;  ///< to every client
};
struct want_token {
  std::string accepted;  ///< as admission.hpp, accepts
};
/// What a request asks for, or the answer that refuses it.
using control_request =
    std::variant<http_answer, want_status, want_misbehaviour, want_text, want_token>;

/// Never throws for bad input.
control_request parse_control(std::string_view method, std::string_view target,
                              std::string_view body);

http_answer refuse(unsigned status, std::string_view why);

/// What the server itself knows for GET /status.
struct server_counts {
  std::string listening;
  misbehaviour misbehaving = misbehaviour::none;
  std::uint64_t accepted = 0;     ///< clients let in
  std::uint64_t refused_400 = 0;  ///< malformed query
  std::uint64_t refused_403 = 0;  ///< api_key or token
  std::uint64_t refused_429 = 0;  ///< too many sockets of one api_key
  std::uint64_t crowded = 0;      ///< connections closed at once: too many
  std::uint64_t late = 0;         ///< no complete request, or close, within the time given
  std::uint64_t cut_slow = 0;     ///< took nothing for too long
  std::uint64_t cut_dead = 0;     ///< answered no ping
  std::uint64_t cut_wanted = 0;   ///< reset on command
};

std::string status_json(const server_counts& server, const ticker& of);

}  // namespace sluice::kite_server
