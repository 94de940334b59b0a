#include "endpoint.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace sluice::kite_source {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument{what + "; allowed is ws://host[:port][/path] or wss://..."};
}

std::uint16_t parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65'535)
    refuse("'" + std::string{text} + "' is not a port from 1 to 65535");
  return static_cast<std::uint16_t>(port);
}

bool plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string endpoint::authority() const {
  std::string made = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != (tls ? 443 : 80)) made += ":" + std::to_string(port);
  return made;
}

endpoint parse_endpoint(std::string_view url) {
  endpoint made;
  if (url.starts_with("wss://")) {
    url.remove_prefix(6);
  } else if (url.starts_with("ws://")) {
    url.remove_prefix(5);
    made.tls = false;
    made.port = 80;
  } else {
    refuse("it does not begin with ws:// or wss://");
  }
  // Nothing of the text is repeated from here on: a query may hold a token.
  if (url.find_first_of("?#@") != std::string_view::npos)
    refuse("it has a query, a fragment or a user; the token belongs in access_token");
  if (std::any_of(url.begin(), url.end(), [](char c) { return c <= ' ' || c >= 127; }))
    refuse("it has white space or characters beyond ASCII");
  const std::size_t slash = std::min(url.find('/'), url.size());
  if (slash != url.size()) made.path = url.substr(slash);
  url = url.substr(0, slash);

  std::string_view host = url, port;
  if (url.starts_with('[')) {
    const std::size_t end = url.find(']');
    if (end == std::string_view::npos) refuse("a bracket is not closed");
    host = url.substr(1, end - 1);
    port = url.substr(end + 1);
    if (!port.empty() && port.front() != ':') refuse("something stands behind the bracket");
    if (!port.empty()) made.port = parse_port(port.substr(1));
  } else if (const std::size_t colon = url.find(':'); colon != std::string_view::npos) {
    host = url.substr(0, colon);
    made.port = parse_port(url.substr(colon + 1));
  }
  if (host.empty()) refuse("the host is missing");
  made.host = host;
  return made;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string made;
  made.reserve(text.size());
  for (const char c : text) {
    if (plain(c)) {
      made += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    made += '%';
    made += digits[byte >> 4];
    made += digits[byte & 15];
  }
  return made;
}

std::string target_of(const endpoint& to, std::string_view api_key, std::string_view access_token) {
  return to.path + "?api_key=" + percent_encode(api_key) +
         "&access_token=" + percent_encode(access_token);
}

void mask::add(std::string_view secret) {
  constexpr std::size_t remembered = 16;
  // Shorter ones are words of every message, and no broker issues them.
  constexpr std::size_t shortest = 4;
  if (secret.size() < shortest ||
      std::find(hidden_.begin(), hidden_.end(), secret) != hidden_.end())
    return;
  hidden_.emplace_back(secret);
  if (std::string encoded = percent_encode(secret); encoded != secret)
    hidden_.push_back(std::move(encoded));
  while (hidden_.size() > remembered) hidden_.erase(hidden_.begin());
}

std::string mask::safe(std::string_view text, std::size_t size_max) const {
  // Secrets go first: cutting before could leave the half of one.
  std::string made{text};
  for (const std::string& secret : hidden_)
    for (std::size_t at = 0; (at = made.find(secret, at)) != std::string::npos; at += 3)
      made.replace(at, secret.size(), "***");
  for (char& c : made)
    if (c < ' ' || c > '~') c = c == '\n' || c == '\r' || c == '\t' ? ' ' : '?';
  if (made.size() > size_max) made.replace(size_max, std::string::npos, "...");
  return made;
}

}  // namespace sluice::kite_source
