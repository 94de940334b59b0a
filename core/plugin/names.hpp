// The grammars of the names a plugin gives.
#pragma once

#include <algorithm>
#include <string_view>

namespace sluice::plugin {

inline bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// [a-z][a-z0-9_]*, 64 at most: plugins.
inline bool is_snake_case(std::string_view text) {
  return !text.empty() && text.size() <= 64 && is_lower(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

/// [0-9A-Za-z.+~-]+, 64 at most: versions.
inline bool is_version(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '+' ||
           c == '~' || c == '-';
  });
}

/// name/version as in "kite.tick/1": letters, digits, _ and . before the slash, digits behind.
inline bool is_schema(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (text.size() > 64 || slash == std::string_view::npos || slash == 0 || slash + 1 == text.size())
    return false;
  const std::string_view name = text.substr(0, slash), number = text.substr(slash + 1);
  return is_lower(name[0]) && std::all_of(number.begin(), number.end(), is_digit) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '.'; });
}

}  // namespace sluice::plugin
