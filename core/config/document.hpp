// A TOML file as a tree with places: the rest of the folder knows nothing of the parser's library.
#pragma once

#include "config/load.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::config {

/// From 1; line 0: no place in the file.
struct place {
  std::uint32_t line = 0, column = 0;
};

struct entry;

struct node {
  enum class type : std::uint8_t { boolean, integer, number, string, time, array, table };
  type is = type::table;
  place at;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;
  std::string text;
  std::vector<node> items;     ///< of an array
  std::vector<entry> entries;  ///< of a table, in the order of the file

  /// A table's entry; null if there is none.
  const entry* find(std::string_view key) const;
};

struct entry {
  std::string key;
  place at;
  node value;
};

/// "a string", "a list", ...: for messages.
const char* describe(node::type is);

/// The file's table, or its first syntax error.
std::variant<node, diagnostic> parse_document(std::string_view text, const std::string& file);

}  // namespace sluice::config
