#include "config/document.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sluice::config {

namespace {

/// The library asserts that a key follows "[", but handles it as well if none does; what else it
/// asserts must not end the process over a file's content either.
constexpr void parser_expects(bool holds, std::string_view what) {
  if (holds || what.starts_with("is_bare_key") || what.starts_with("is_string_delimiter")) return;
  throw std::logic_error{"the TOML parser gave up"};
}

}  // namespace

}  // namespace sluice::config

#define TOML_ASSERT(expression) ::sluice::config::parser_expects(!!(expression), #expression)
// The library and what follows recurse once a level.
#define TOML_MAX_NESTED_VALUES 32
#include <toml++/toml.h>

namespace sluice::config {

namespace {

place place_of(const toml::source_region& region) {
  return {static_cast<std::uint32_t>(region.begin.line),
          static_cast<std::uint32_t>(region.begin.column)};
}

constexpr std::uint32_t most_key_parts = 64;

/// The place of a dotted key of more parts than anyone means: each would be one more level. Looks
/// at characters alone, so a string of so many words with dots between is refused as well.
std::optional<place> endless_key(std::string_view text) {
  place at{1, 0};
  std::uint32_t parts = 0;
  char before = '\n';
  for (const char c : text) {
    ++at.column;
    const bool blank = c == ' ' || c == '\t';
    const bool part = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '"' || c == '\'';
    if (c == '.' && before != '.' && ++parts >= most_key_parts) return at;
    if (c == '\n') at = {at.line + 1, 0};
    if (!blank && !part && c != '.') parts = 0;
    if (!blank) before = c;
  }
  return std::nullopt;
}

node convert(const toml::node& from);

void convert_table(const toml::table& from, node& to) {
  to.is = node::type::table;
  to.entries.reserve(from.size());
  for (const auto& [key, value] : from)
    to.entries.push_back({std::string{key.str()}, place_of(key.source()), convert(value)});
  // The library sorts by name; errors and graphs follow the file.
  std::stable_sort(to.entries.begin(), to.entries.end(), [](const entry& a, const entry& b) {
    return std::pair{a.at.line, a.at.column} < std::pair{b.at.line, b.at.column};
  });
}

node convert(const toml::node& from) {
  node to;
  to.at = place_of(from.source());
  if (const auto* table = from.as_table()) {
    convert_table(*table, to);
  } else if (const auto* array = from.as_array()) {
    to.is = node::type::array;
    to.items.reserve(array->size());
    for (const toml::node& item : *array) to.items.push_back(convert(item));
  } else if (const auto* text = from.as_string()) {
    to.is = node::type::string;
    to.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    to.is = node::type::integer;
    to.integer = integer->get();
  } else if (const auto* number = from.as_floating_point()) {
    to.is = node::type::number;
    to.number = number->get();
  } else if (const auto* boolean = from.as_boolean()) {
    to.is = node::type::boolean;
    to.boolean = boolean->get();
  } else {
    to.is = node::type::time;
  }
  return to;
}

/// The end of the string or comment that begins at `from`; `from` itself if none does. A string
/// ends for us where what an escape or an escaped end of line leads to is not ASCII.
std::size_t end_of_text(std::string_view text, std::size_t from) {
  if (text[from] == '#') return std::min(text.find('\n', from), text.size());
  const char quote = text[from];
  if (quote != '"' && quote != '\'') return from;
  const bool many = text.substr(from, 3) == std::string(3, quote);
  std::size_t at = from + (many ? 3 : 1);
  for (; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      const std::size_t next = text.find_first_not_of(" \t\r\n", ++at);
      if (next < text.size() && static_cast<unsigned char>(text[next]) >= 0x80) return next;
    } else if (text[at] == quote && (!many || text.substr(at, 3) == std::string(3, quote))) {
      return at + (many ? 3 : 1);
    } else if (!many && text[at] == '\n') {
      return at;  // not closed: the parser says so
    }
  }
  return text.size();
}

/// The place of a character that TOML allows in strings and comments only. The library's tables
/// for such characters run into an unreachable statement.
std::optional<place> foreign_character(std::string_view text) {
  std::size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  while (at < text.size()) {
    if (const std::size_t end = end_of_text(text, at); end > at) {
      at = end;
      continue;
    }
    if (static_cast<unsigned char>(text[at]) >= 0x80) {
      const std::string_view before = text.substr(0, at);
      const std::size_t line = before.rfind('\n') + 1;  // 0 if there is none
      return place{static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n') + 1),
                   static_cast<std::uint32_t>(at - line + 1)};
    }
    ++at;
  }
  return std::nullopt;
}

}  // namespace

const entry* node::find(std::string_view key) const {
  for (const entry& one : entries)
    if (one.key == key) return &one;
  return nullptr;
}

const char* describe(node::type is) {
  switch (is) {
    case node::type::boolean: return "a boolean";
    case node::type::integer: return "an integer";
    case node::type::number: return "a number";
    case node::type::string: return "a string";
    case node::type::time: return "a date or time";
    case node::type::array: return "a list";
    case node::type::table: return "a table";
  }
  return "a value";
}

std::variant<node, diagnostic> parse_document(std::string_view text, const std::string& file) {
  if (const auto at = endless_key(text))
    return diagnostic{file, at->line, at->column, "a key may have at most 64 parts"};
  if (const auto at = foreign_character(text))
    return diagnostic{file, at->line, at->column,
                      "only strings and comments may hold characters that are not ASCII, and no "
                      "backslash before them: put the key or the value in quotes"};
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    const place at = place_of(error.source());
    return diagnostic{file, at.line, at.column, std::string{error.description()}};
  } catch (const std::logic_error& error) {
    return diagnostic{file, 0, 0, error.what()};
  }
}

}  // namespace sluice::config
