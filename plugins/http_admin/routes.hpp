// What each path answers, without sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http_admin {

struct request {
  std::string_view method, target;       ///< "GET", "/api/v1/events?after=7"
  std::string_view host, authorization;  ///< headers, as they came
  std::string_view origin;               ///< of a page in a browser
  std::string_view body;
  std::string reached_at;        ///< the address of this side of the connection
  std::string peer;              ///< for the log
  bool loopback = false;         ///< the peer is of this machine
  std::string_view protocols{};  ///< that a WebSocket offers
};

struct answer {
  unsigned status = 200;
  std::string body;
  std::string_view type = "application/json";
  std::string_view allow{};     ///< with 405
  bool asks_for_token = false;  ///< with 401
};

/// What the routes need of the pipeline, and tell about.
class pipeline_door {
 public:
  virtual ~pipeline_door() = default;
  /// A document of ext/control.h. Throws std::invalid_argument for a question with a mistake.
  virtual std::optional<std::string> document(std::string_view what, std::uint64_t after) = 0;
  /// The operation's number. Throws std::runtime_error.
  virtual std::uint64_t command(std::string_view request) = 0;
  /// The bearer token as it is now; empty: none is set. Throws std::runtime_error.
  virtual std::string token() = 0;
  /// For the log: what was done, by whom.
  virtual void audit(std::string_view line) = 0;
  virtual void refused(std::string_view line) = 0;
};

/// Never throws for what a peer sent.
answer respond(const request& asked, const std::vector<std::string>& allowed_hosts,
               pipeline_door& door);

/// Whether a WebSocket may be opened: 101 with the name of the document it shows as body, or the
/// answer that refuses it.
answer admit_live(const request& asked, const std::vector<std::string>& allowed_hosts,
                  pipeline_door& door);

inline constexpr std::string_view live_path = "/api/v1/live", tap_path = "/api/v1/tap";

answer refuse(unsigned status, std::string_view why);

/// Every path with the methods it takes; for the test of openapi.json.
std::vector<std::pair<std::string_view, std::string_view>> paths();

}  // namespace sluice::http_admin
