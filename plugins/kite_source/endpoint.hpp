// kite_source/endpoint.hpp - where to dial, and how its secrets are kept out of sight.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kite_source {

/// A parsed ws:// or wss:// address.
struct endpoint {
  bool tls = true;
  std::string host;  ///< a name, or a numeric address without brackets
  std::uint16_t port = 443;
  std::string path = "/";

  /// For the Host header: with brackets and a port where they are needed.
  std::string authority() const;
};

/// Throws std::invalid_argument saying what is wrong and what is allowed.
endpoint parse_endpoint(std::string_view url);

/// As a query's value: everything but letters, digits and -._~ escaped.
std::string percent_encode(std::string_view text);

/// path?api_key=...&access_token=...: holds the secrets, never to be shown.
std::string target_of(const endpoint& to, std::string_view api_key, std::string_view access_token);

/// Hides secrets in text that came from outside.
class mask {
 public:
  /// As it is and percent-encoded. An empty one is ignored; the last few are remembered.
  void add(std::string_view secret);
  /// At most `size_max` bytes of printable ASCII on one line, secrets as ***.
  std::string safe(std::string_view text, std::size_t size_max = 300) const;

 private:
  std::vector<std::string> hidden_;
};

}  // namespace sluice::kite_source
