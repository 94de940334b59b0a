// Who may ask what: hosts a request may name, and the bearer token.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http_admin {

/// Whether a Host header, "name[:port]" or "[::1]:8080", names this server: localhost, the address
/// that the connection was made to, or one of `allowed`. A page that had its own name resolve to
/// this address (DNS rebinding) names another. Case is ignored, and so is the port.
bool host_allowed(std::string_view header, std::string_view reached_at,
                  const std::vector<std::string>& allowed);

enum class credentials : std::uint8_t { missing, wrong, right };
/// An Authorization header, "Bearer TOKEN" (RFC 6750), against the token, which is not empty. The
/// comparison takes as long however much of it is right.
credentials check_bearer(std::string_view header, std::string_view token);

/// What is answered to a WebSocket that offers subprotocols; those of check_protocols come with it.
inline constexpr std::string_view live_protocol = "sluice";
/// The same by "sluice.bearer.HEX" among the subprotocols that a WebSocket offers, HEX the token's
/// bytes: a page in a browser cannot set the header.
credentials check_protocols(std::string_view offered, std::string_view token);
/// Whether a WebSocket offers live_protocol.
bool offers_live(std::string_view protocols);

}  // namespace sluice::http_admin
