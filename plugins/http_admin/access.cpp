#include "access.hpp"

#include <openssl/crypto.h>
#include <boost/beast/core/string.hpp>

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
  const std::string_view given = header.substr(scheme.size());
  const bool right =
      given.size() == token.size() && CRYPTO_memcmp(given.data(), token.data(), token.size()) == 0;
  return right ? credentials::right : credentials::wrong;
}

}  // namespace sluice::http_admin
