// kite/json_scan.hpp - reading JSON text in place: no tree, no allocation.
//
// For text that was parsed before; of other text it may answer nonsense, but never reads outside.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::kite {

enum class json_kind : std::uint8_t { absent, null, boolean, integer, number, string, compound };

struct json_token {
  json_kind kind = json_kind::absent;
  std::string_view text;     ///< as written; of a string what stands between its quotes
  std::int64_t integer = 0;  ///< of an integer that fits
  double number = 0;         ///< of an integer too
};

/// What stands between the braces of an object; empty if it is none, or has no members.
std::string_view members_of(std::string_view object);
/// A top-level member of an object. Names and strings are compared and given as written, escapes
/// and all.
json_token find_member(std::string_view object, std::string_view name);
/// The text without white space outside strings.
std::string compact(std::string_view json);
/// The text as a JSON string, with its quotes.
std::string quote(std::string_view text);

}  // namespace sluice::kite
