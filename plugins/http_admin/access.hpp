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

}  // namespace sluice::http_admin
