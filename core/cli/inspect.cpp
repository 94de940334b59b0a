#include "cli/output.hpp"

#include "config/docs.hpp"
#include "config/json.hpp"
#include "config/pipeline.hpp"
#include "config/settings.hpp"

#include <sluice/record.hpp>

#include <fmt/format.h>
#include <boost/json.hpp>

#include <array>

namespace sluice::cli {
namespace {

namespace json = boost::json;

/// Bits with names, the same in both formats.
template <std::size_t Count>
std::vector<std::string> named(std::uint32_t bits,
                               const std::array<std::pair<std::uint32_t, const char*>, Count>& of) {
  std::vector<std::string> names;
  for (const auto& [bit, name] : of)
    if ((bits & bit) != 0) names.emplace_back(name);
  return names;
}

std::vector<std::string> capabilities(const sluice_plugin& plugin) {
  static constexpr std::array<std::pair<std::uint32_t, const char*>, 6> names{
      {{SLUICE_CAN_ABSORB, "absorb"},
       {SLUICE_CAN_HOLD, "hold"},
       {SLUICE_CAN_EMIT, "emit"},
       {SLUICE_CAN_IO, "io"},
       {SLUICE_NEVER_DELAY, "never_delay"},
       {SLUICE_CAN_PRINT, "print"}}};
  return named(plugin.capabilities, names);
}

std::vector<std::string> flags(const sluice_field& row) {
  static constexpr std::array<std::pair<std::uint32_t, const char*>, 6> names{
      {{SLUICE_FIELD_REQUIRED, "required"},
       {SLUICE_FIELD_SECRET, "secret"},
       {SLUICE_FIELD_LIVE, "live"},
       {SLUICE_FIELD_ADVANCED, "advanced"},
       {SLUICE_FIELD_DEPRECATED, "deprecated"},
       {SLUICE_FIELD_FILE, "file"}}};
  return named(row.flags, names);
}

const char* kind_of(const sluice_field& row) {
  constexpr std::array names = {"boolean",  "integer", "number", "string",
                                "duration", "size",    "choice", "strings"};
  return row.kind < names.size() ? names[row.kind] : "unknown";
}

std::string as_json(const sluice_plugin& plugin) {
  const auto list = [](const std::vector<std::string>& all) {
    return json::array(all.begin(), all.end());
  };
  json::array keys;
  for (const sluice_field& row : config::rows_of(plugin)) {
    json::object made{{"key", view(row.key)},
                      {"kind", kind_of(row)},
                      {"doc", view(row.doc)},
                      {"flags", list(flags(row))}};
    if (row.default_text.data != nullptr) made["default"] = view(row.default_text);
    if (row.unit.size != 0) made["unit"] = view(row.unit);
    if (row.choices.size != 0) made["choices"] = view(row.choices);
    if (row.environment.size != 0) made["environment"] = view(row.environment);
    keys.push_back(std::move(made));
  }
  json::array emits;
  for (std::uint32_t i = 0; i < plugin.emit_count; ++i) emits.emplace_back(view(plugin.emits[i]));
  return config::pretty(
      json::object{{"name", view(plugin.name)},
                   {"version", view(plugin.version)},
                   {"summary", view(plugin.summary)},
                   {"kind", config::kind_name(plugin.kind)},
                   {"abi", fmt::format("{}.{}", plugin.abi_major, plugin.abi_minor)},
                   {"capabilities", list(capabilities(plugin))},
                   {"emits", std::move(emits)},
                   {"keys", std::move(keys)}});
}

std::string as_text(const sluice_plugin& plugin) {
  std::string out = fmt::format("{} {} ({}, plugin ABI {}.{})\n{}\n", view(plugin.name),
                                view(plugin.version), config::kind_name(plugin.kind),
                                plugin.abi_major, plugin.abi_minor, view(plugin.summary));
  if (const auto can = capabilities(plugin); !can.empty())
    out += fmt::format("capabilities: {}\n", fmt::join(can, ", "));
  for (std::uint32_t i = 0; i < plugin.emit_count; ++i)
    out += fmt::format("emits: {}\n", view(plugin.emits[i]));
  out += plugin.field_count == 0 ? "no keys of its own\n" : "\nkeys:\n";
  for (const sluice_field& row : config::rows_of(plugin)) {
    std::string about{row.kind == SLUICE_CHOICE ? view(row.choices) : kind_of(row)};
    if (row.unit.size != 0) about += fmt::format(" in {}", view(row.unit));
    for (const std::string& flag : flags(row)) about += ", " + flag;
    if (row.default_text.data != nullptr)
      about += fmt::format(", default {}", row.default_text.size == 0 ? std::string_view{"\"\""}
                                                                      : view(row.default_text));
    if (row.environment.size != 0) about += fmt::format(", ${}", view(row.environment));
    out += fmt::format("  {} ({})\n      {}\n", view(row.key), about, view(row.doc));
  }
  return out;
}

}  // namespace

int inspect(const inspect_options& asked) {
  const config::found_plugin found = make_loader(asked.from).find(asked.plugin);
  print(asked.format == "json" ? as_json(*found.plugin) : as_text(*found.plugin));
  return done;
}

}  // namespace sluice::cli
