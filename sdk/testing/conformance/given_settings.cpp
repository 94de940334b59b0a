#include "conformance/given_settings.hpp"

#include "config/document.hpp"
#include "config/settings.hpp"
#include "config/value.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <set>
#include <variant>

namespace sluice::testing::conformance {

namespace {

std::string in_quotation(std::string_view text) {
  std::string made = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') made += '\\';
    made += c;
  }
  return made + "\"";
}

/// `wish`, or what is nearest to it within the row's bounds.
double amount_near(const sluice_field& row, double wish) {
  if (config::has_minimum(row)) wish = std::max(wish, row.minimum);
  if (config::has_maximum(row)) wish = std::min(wish, row.maximum);
  return wish;
}

std::string text_for(const sluice_field& row, const std::filesystem::path& scratch) {
  std::string text = (scratch / std::string{view(row.key)}).string();
  if ((row.flags & SLUICE_FIELD_SECRET) != 0) text = std::string{view(row.key)};
  if (config::has_maximum(row) && static_cast<double>(text.size()) > row.maximum)
    text.resize(static_cast<std::size_t>(row.maximum), 'x');
  if (config::has_minimum(row) && static_cast<double>(text.size()) < row.minimum)
    text.resize(static_cast<std::size_t>(row.minimum), 'x');
  return text;
}

std::string value_for(const sluice_field& row, const std::filesystem::path& scratch) {
  switch (row.kind) {
    case SLUICE_BOOLEAN: return "true";
    case SLUICE_INTEGER:
    case SLUICE_NUMBER: return config::show_amount(row, amount_near(row, 1));
    case SLUICE_DURATION: return in_quotation(config::show_amount(row, amount_near(row, 1e9)));
    case SLUICE_SIZE: return in_quotation(config::show_amount(row, amount_near(row, 65'536)));
    case SLUICE_CHOICE: return in_quotation(config::choices_of(row).front());
    case SLUICE_STRINGS: return "[\"1\"]";
    default: return in_quotation(text_for(row, scratch));
  }
}

}  // namespace

std::string setting(std::string_view key, std::string_view value) {
  const std::string name{key};
  std::string line = name + " = " + std::string{value} + "\n";
  const auto parsed = config::parse_document(line, name);
  const auto* table = std::get_if<config::node>(&parsed);
  const bool as_it_is = table != nullptr && table->entries.size() == 1;
  return as_it_is ? line : name + " = " + in_quotation(value) + "\n";
}

std::string with_required(const sluice_plugin& plugin, const std::string& given,
                          const std::filesystem::path& scratch) {
  std::set<std::string, std::less<>> known;
  const auto parsed = config::parse_document(given, "settings");
  if (const auto* table = std::get_if<config::node>(&parsed))
    for (const config::entry& each : table->entries) known.insert(each.key);
  std::string all = given;
  if (!all.empty() && all.back() != '\n') all += '\n';
  for (const sluice_field& row : config::rows_of(plugin))
    if ((row.flags & SLUICE_FIELD_REQUIRED) != 0 && !known.contains(view(row.key)))
      all += std::string{view(row.key)} + " = " + value_for(row, scratch) + "\n";
  return all;
}

}  // namespace sluice::testing::conformance
