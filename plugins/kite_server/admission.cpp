#include "admission.hpp"

#include <cstdint>

namespace sluice::kite_server {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decode_value(std::string_view raw) {
  std::string text;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '+' || raw[i] == '/' || raw[i] == '=') return std::nullopt;
    if (raw[i] != '%') {
      text += raw[i];
      continue;
    }
    if (raw.size() - i < 3) return std::nullopt;
    const int high = hex_digit(raw[i + 1]), low = hex_digit(raw[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    text += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return text;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

std::optional<credentials> parse_credentials(std::string_view target) {
  credentials found;
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) return found;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const std::string_view parameter = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), parameter.size() + 1));
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    auto value = decode_value(parameter.substr(equals + 1));
    if (!value) return std::nullopt;
    const std::string_view name = parameter.substr(0, equals);
    if (name == "api_key") found.api_key = std::move(*value);
    if (name == "access_token") found.access_token = std::move(*value);
  }
  return found;
}

bool accepts(std::string_view accepted, std::string_view offered) {
  if (offered.empty()) return false;
  bool any = false;
  while (!accepted.empty()) {
    const std::string_view one = accepted.substr(0, accepted.find(','));
    accepted.remove_prefix(std::min(accepted.size(), one.size() + 1));
    if (trim(one).empty()) continue;
    if (trim(one) == offered) return true;
    any = true;
  }
  return !any;
}

}  // namespace sluice::kite_server
