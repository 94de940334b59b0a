#include "config/plugin_rows.hpp"

#include "config/host_keys.hpp"
#include "config/settings.hpp"
#include "config/text.hpp"
#include "config/value.hpp"

#include <algorithm>
#include <set>

namespace sluice::config {

namespace {

bool is_key(std::string_view key) {
  return !key.empty() && key.front() >= 'a' && key.front() <= 'z' &&
         std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

std::vector<std::string> problems_of(const sluice_field& row, std::string_view key) {
  std::vector<std::string> found;
  if (!is_key(key)) found.emplace_back("a key is a snake_case noun");
  if (std::find(reserved_keys.begin(), reserved_keys.end(), key) != reserved_keys.end())
    found.emplace_back(
        "the name is the host's; reserved are plugin, name, from, where, queue, "
        "shards, hold, on_fault, enabled");
  if (row.kind > SLUICE_STRINGS)
    found.push_back("kind " + std::to_string(row.kind) + " is not known to this version");
  if ((row.flags & SLUICE_FIELD_SECRET) != 0 && row.kind != SLUICE_STRING)
    found.emplace_back("a secret must be a string");
  if (row.kind == SLUICE_CHOICE && choices_of(row).empty())
    found.emplace_back("a choice needs its choices, \"a|b|c\"");
  if (row.minimum > row.maximum) found.emplace_back("its minimum is above its maximum");
  if (view(row.doc).empty()) found.emplace_back("it has no doc");
  checked value;
  std::string error;
  if (row.default_text.data != nullptr && row.kind <= SLUICE_STRINGS &&
      !parse_default(row, value, error))
    found.push_back("its default " + in_quotes(view(row.default_text)) + " is not valid: " + error);
  return found;
}

}  // namespace

std::vector<std::string> row_problems(const sluice_plugin& plugin) {
  std::vector<std::string> found;
  std::set<std::string_view> seen;
  for (const sluice_field& row : rows_of(plugin)) {
    const std::string_view key = view(row.key);
    if (!seen.insert(key).second) found.push_back(printable(key) + ": the key stands twice");
    for (const std::string& problem : problems_of(row, key))
      found.push_back(printable(key) + ": " + problem);
  }
  return found;
}

}  // namespace sluice::config
