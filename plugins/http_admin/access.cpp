#include "access.hpp"

#include <openssl/crypto.h>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>

namespace sluice::http_admin {
namespace {

std::string_view name_of(std::string_view header) {
  if (header.starts_with('[')) {
    const std::size_t end = header.find(']');
    return end == std::string_view::npos ? std::string_view{} : header.substr(1, end - 1);
  }
  return header.substr(0, header.find(':'));
}

/// Takes as long however much of it is right.
bool equal(std::string_view given, std::string_view token) {
  return given.size() == token.size() &&
         CRYPTO_memcmp(given.data(), token.data(), token.size()) == 0;
}

std::string in_hex(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string made;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    made += digits[byte >> 4];
    made += digits[byte & 15];
  }
  return made;
}

}  // namespace

bool host_allowed(std::string_view header, std::string_view reached_at,
                  const std::vector<std::string>& allowed) {
  const std::string_view name = name_of(header);
  if (name.empty()) return false;
  const auto same = [&](std::string_view other) { return boost::beast::iequals(name, other); };
  return same("localhost") || same(reached_at) || std::any_of(allowed.begin(), allowed.end(), same);
}

credentials check_bearer(std::string_view header, std::string_view token) {
  constexpr std::string_view scheme = "Bearer ";
  if (!boost::beast::iequals(header.substr(0, scheme.size()), scheme)) return credentials::missing;
  return equal(header.substr(scheme.size()), token) ? credentials::right : credentials::wrong;
}

credentials check_protocols(std::string_view offered, std::string_view token) {
  constexpr std::string_view scheme = "sluice.bearer.";
  for (const std::string_view each : boost::beast::http::token_list{offered})
    if (each.starts_with(scheme))
      return equal(each.substr(scheme.size()), in_hex(token)) ? credentials::right
                                                              : credentials::wrong;
  return credentials::missing;
}

bool offers_live(std::string_view protocols) {
  return boost::beast::http::token_list{protocols}.exists(live_protocol);
}

}  // namespace sluice::http_admin
