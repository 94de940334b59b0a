// Who may connect: what the broker checks at the HTTP upgrade, and never again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kite_server {

struct credentials {
  std::string api_key, access_token;
};

/// The query of "/?api_key=..&access_token=.."; other parameters are ignored, a missing one is
/// empty. Nothing for a query that is malformed: a bad percent escape, or "+", "/" or "=" raw in a
/// value, which the broker answers with 400.
std::optional<credentials> parse_credentials(std::string_view target);

/// Whether `offered` is in `accepted`, a list separated by commas; an empty list accepts anything
/// that is not empty.
bool accepts(std::string_view accepted, std::string_view offered);

}  // namespace sluice::kite_server
