#include "conformance/cases.hpp"
#include "conformance/traffic.hpp"

#include "config/document.hpp"
#include "config/settings.hpp"
#include "config/text.hpp"
#include "config/value.hpp"
#include "conformance/given_settings.hpp"

#include <sluice/ext/swap.h>
#include <sluice/record.hpp>

#include <cmath>
#include <optional>
#include <variant>
#include <vector>

namespace sluice::testing::conformance {

namespace {

constexpr double exact_most = 9e15;  // beyond it a double is no whole number of its own

/// `settings` with another value for one key.
std::string with(const std::string& settings, std::string_view key, const std::string& value) {
  const auto parsed = config::parse_document(settings, "settings");
  const auto* table = std::get_if<config::node>(&parsed);
  const config::entry* given = table == nullptr ? nullptr : table->find(key);
  if (given == nullptr) return settings + setting(key, value);
  std::string made;
  std::uint32_t number = 0;
  for (const std::string& line : config::split(settings, '\n'))
    made += (++number == given->at.line ? setting(key, value) : line + '\n');
  return made;
}

std::string amount_of(const sluice_field& row, double amount) {
  const std::string text = config::show_amount(row, amount);
  const bool bare = row.kind == SLUICE_INTEGER || row.kind == SLUICE_NUMBER;
  return bare ? text : '"' + text + '"';
}

bool is_amount(const sluice_field& row) {
  return row.kind == SLUICE_INTEGER || row.kind == SLUICE_NUMBER || row.kind == SLUICE_DURATION ||
         row.kind == SLUICE_SIZE;
}

/// Values at the edges of what the row allows.
std::vector<std::string> edges(const sluice_field& row) {
  std::vector<std::string> made;
  if (row.kind == SLUICE_BOOLEAN) made = {"true", "false"};
  if (row.kind == SLUICE_CHOICE)
    for (const std::string& each : config::choices_of(row)) made.push_back('"' + each + '"');
  if (!is_amount(row)) return made;
  if (config::has_minimum(row)) made.push_back(amount_of(row, row.minimum));
  if (config::has_maximum(row) && row.maximum <= exact_most)
    made.push_back(amount_of(row, row.maximum));
  return made;
}

/// Values that the row does not allow.
std::vector<std::string> beyond(const sluice_field& row) {
  std::vector<std::string> made;
  if (row.kind == SLUICE_CHOICE) made.emplace_back("\"none of its choices\"");
  if (!is_amount(row)) return made;
  const bool whole = row.kind != SLUICE_NUMBER;
  if (config::has_minimum(row) && std::abs(row.minimum) < exact_most &&
      (row.kind == SLUICE_INTEGER || row.kind == SLUICE_NUMBER || row.minimum >= 1))
    made.push_back(
        amount_of(row, whole ? row.minimum - 1 : row.minimum - std::abs(row.minimum) - 1));
  if (config::has_maximum(row) && row.maximum < exact_most)
    made.push_back(
        amount_of(row, whole ? row.maximum + 1 : row.maximum + std::abs(row.maximum) + 1));
  return made;
}

/// Why they are refused; nothing if they are taken.
std::optional<std::string> refusal(const sluice_plugin& plugin, const std::string& settings) {
  try {
    config::load_settings(plugin, settings, [](std::string_view) { return std::nullopt; });
    return std::nullopt;
  } catch (const std::runtime_error& why) {
    return why.what();
  }
}

/// A refusal is of use to whoever wrote the file.
void judge(bench& on, const std::string& line, const std::string& why) {
  const std::string at = "with " + line.substr(0, line.find('\n')) + ": ";
  on.expect(why.find("did not return within") == std::string::npos, at + why);
  on.expect(
      why.find("failed to check its settings") == std::string::npos,
      at + why + "; validate says what is wrong in lines of \"key: what and what is allowed\"");
  on.expect(
      why.find("without saying why") == std::string::npos,
      at + why + "; validate says what is wrong in lines of \"key: what and what is allowed\"");
}

}  // namespace

void keeps_its_rows(bench& on) {
  const sluice_plugin& plugin = on.plugin();
  const std::string& settings = on.settings();
  on.doing("checking the settings");
  if (const auto why = refusal(plugin, settings)) judge(on, "its defaults", *why);
  for (const sluice_field& row : config::rows_of(plugin)) {
    for (const std::string& value : edges(row)) {
      const std::string line = setting(view(row.key), value);
      on.doing("checking " + line.substr(0, line.size() - 1));
      if (const auto why = refusal(plugin, with(settings, view(row.key), value)))
        judge(on, line, *why);
    }
    for (const std::string& value : beyond(row))
      on.expect(refusal(plugin, with(settings, view(row.key), value)).has_value(),
                std::string{view(row.key)} + " = " + value + " is beyond its bounds and is taken");
  }
}

void takes_live_values(bench& on) {
  std::vector<sluice_field> live_rows;
  for (const sluice_field& row : config::rows_of(on.plugin()))
    if ((row.flags & SLUICE_FIELD_LIVE) != 0) live_rows.push_back(row);
  if (live_rows.empty()) on.skip("it has no live rows");
  const auto* table = on.extension<sluice_swap>(SLUICE_EXT_SWAP);
  on.expect(
      table != nullptr && table->reconfigure != nullptr,
      "its row " + std::string{view(live_rows.front().key)} +
          " is live (SLUICE_FIELD_LIVE), but it has no reconfigure, which ext/swap.h requires "
          "of a plugin with such rows");
  harness run = on.make();
  std::uint32_t salt = 0;
  for (const sluice_field& row : live_rows) {
    for (const std::string& value : edges(row)) {
      const std::string changed = with(on.settings(), view(row.key), value);
      if (refusal(on.plugin(), changed)) continue;
      on.doing("setting " + std::string{view(row.key)} + " = " + value + " while it runs");
      try {
        run.reconfigure(changed);
      } catch (const std::runtime_error&) {
        // It may refuse: then it goes on as before.
      }
      live(on, run, 2, ++salt);
      on.expect_sound(run, "after " + std::string{view(row.key)} + " = " + value);
    }
  }
}

}  // namespace sluice::testing::conformance
