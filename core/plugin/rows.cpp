#include "plugin/rows.hpp"

#include "config/text.hpp"
#include "plugin/names.hpp"

#include <sluice/record.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::plugin {
namespace {

/// Keys that every stage has from the host.
constexpr std::array<std::string_view, 8> host_keys = {"name",  "plugin", "from", "where",
                                                       "queue", "shards", "hold", "on_fault"};
constexpr std::uint32_t known_flags = SLUICE_FIELD_REQUIRED | SLUICE_FIELD_SECRET |
                                      SLUICE_FIELD_LIVE | SLUICE_FIELD_ADVANCED |
                                      SLUICE_FIELD_DEPRECATED;

[[noreturn]] void refuse(std::string_view key, const std::string& why) {
  throw std::runtime_error{fmt::format("key '{}': {}", key, why)};
}

/// A row's kind as it stands in messages.
const char* kind_text(std::uint32_t kind) {
  constexpr std::array names = {"boolean",  "integer", "number", "string",
                                "duration", "size",    "choice", "list of strings"};
  return kind < names.size() ? names[kind] : nullptr;
}

std::vector<std::string> check_choices(std::string_view key, const sluice_field& row) {
  if (row.kind != SLUICE_CHOICE) {
    if (row.choices.size != 0) refuse(key, "has choices but is not a choice");
    return {};
  }
  std::vector<std::string> choices = config::split(view(row.choices), '|');
  for (const std::string& one : choices)
    if (one.empty()) refuse(key, "its choices must read \"a|b|c\", none of them empty");
  if (choices.empty()) refuse(key, "is a choice without choices");
  if (std::set<std::string>(choices.begin(), choices.end()).size() != choices.size())
    refuse(key, "names a choice twice");
  return choices;
}

template <typename Number>
std::optional<double> as_double(const std::optional<Number>& value) {
  return value ? std::optional{static_cast<double>(*value)} : std::nullopt;
}

/// What the bounds are compared with; nothing if the text is not of the row's kind.
std::optional<double> measure(const sluice_field& row, std::string_view text) {
  switch (row.kind) {
    case SLUICE_INTEGER: return as_double(config::parse_integer(text));
    case SLUICE_NUMBER: return config::parse_number(text);
    case SLUICE_DURATION: return as_double(config::parse_duration(text, false));
    case SLUICE_SIZE: return as_double(config::parse_size(text));
    default: return static_cast<double>(text.size());
  }
}

void check_default(std::string_view key, const sluice_field& row,
                   const std::vector<std::string>& choices) {
  if (row.default_text.data == nullptr) return;
  const std::string_view text = view(row.default_text);
  if ((row.flags & SLUICE_FIELD_REQUIRED) != 0) refuse(key, "is required and has a default");
  if ((row.flags & SLUICE_FIELD_SECRET) != 0) refuse(key, "is a secret and has a default");
  if (row.kind == SLUICE_CHOICE) {
    if (std::find(choices.begin(), choices.end(), text) == choices.end())
      refuse(key, fmt::format("its default '{}' is none of its choices", text));
  } else if (row.kind == SLUICE_BOOLEAN) {
    if (!config::parse_boolean(text, false))
      refuse(key, fmt::format("its default '{}' is not a boolean", text));
  } else if (row.kind == SLUICE_STRINGS) {
    if (!text.starts_with('[') || !text.ends_with(']'))
      refuse(key, fmt::format("its default '{}' is not a list", text));
  } else {
    const std::optional<double> value = measure(row, text);
    if (!value) refuse(key, fmt::format("its default '{}' is not a {}", text, kind_text(row.kind)));
    if (*value < row.minimum || *value > row.maximum)
      refuse(key, fmt::format("its default '{}' is out of its bounds", text));
  }
}

void check_row(std::string_view key, const sluice_field& row) {
  if (std::find(host_keys.begin(), host_keys.end(), key) != host_keys.end())
    refuse(key, "is a key of the host's; choose another name");
  if (view(row.doc).empty()) refuse(key, "has no doc");
  if (kind_text(row.kind) == nullptr)
    refuse(key, fmt::format("its kind is {}, known are 0 to {}", row.kind, +SLUICE_STRINGS));
  if ((row.flags & ~known_flags) != 0)
    refuse(key, fmt::format("has unknown flags {:#x}", row.flags & ~known_flags));
  if ((row.flags & SLUICE_FIELD_SECRET) != 0 && row.kind != SLUICE_STRING)
    refuse(key, "is a secret and not a string");
  if (std::isnan(row.minimum) || std::isnan(row.maximum) || row.minimum > row.maximum)
    refuse(key, "its minimum is above its maximum");
  if (row.environment.size != 0 && !is_variable(view(row.environment)))
    refuse(key, fmt::format("its environment variable '{}' must be of A-Z, 0-9 and _",
                            view(row.environment)));
  check_default(key, row, check_choices(key, row));
}

}  // namespace

void check_rows(std::span<const sluice_field> rows) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string_view key = view(rows[i].key);
    if (!is_snake_case(key))
      throw std::runtime_error{fmt::format(
          "row {}: its key must be of a-z, 0-9 and _, beginning with a letter, 64 at most", i)};
    if (!seen.insert(key).second) refuse(key, "stands in two rows");
    check_row(key, rows[i]);
  }
}

}  // namespace sluice::plugin
