#include "config/docs.hpp"

#include "config/host_keys.hpp"
#include "config/pipeline.hpp"
#include "config/settings.hpp"
#include "config/text.hpp"
#include "config/value.hpp"

#include <sluice/record.hpp>

#include <array>
#include <span>

namespace sluice::config {

namespace {

bool flagged(const sluice_field& row, std::uint32_t flag) { return (row.flags & flag) != 0; }

/// A default as the file would have it; empty if there is none.
std::string default_text(const sluice_field& row) {
  checked value;
  std::string error;
  if (row.default_text.data == nullptr || !parse_default(row, value, error)) return {};
  const std::string text{view(row.default_text)};
  const bool bare = row.kind == SLUICE_BOOLEAN || row.kind == SLUICE_INTEGER ||
                    row.kind == SLUICE_NUMBER || row.kind == SLUICE_STRINGS;
  return bare ? text : "\"" + text + "\"";
}

/// A table's cell: no line ends, no bars.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string remarks(const sluice_field& row) {
  std::string text{view(row.doc)};
  if (flagged(row, SLUICE_FIELD_REQUIRED)) text = "**Required.** " + text;
  if (flagged(row, SLUICE_FIELD_DEPRECATED)) text = "**Deprecated.** " + text;
  if (flagged(row, SLUICE_FIELD_SECRET))
    text +=
        " A secret: write `${VARIABLE}`, `${file:/path}` or "
        "`${redis:redis://host:port/database/key}`; it is read anew at each use.";
  if (flagged(row, SLUICE_FIELD_FILE))
    text += " A relative path starts at the pipeline file's folder.";
  if (flagged(row, SLUICE_FIELD_LIVE)) text += " May change while the stage runs.";
  if (flagged(row, SLUICE_FIELD_ADVANCED)) text += " Seldom needed.";
  if (const auto variable = view(row.environment); !variable.empty())
    text += " Overridden by `" + std::string{variable} + "`.";
  return text;
}

std::string key_table(std::span<const sluice_field> rows) {
  if (rows.empty()) return "It has no keys of its own.\n";
  std::string text = "| Key | Allowed | Default | Meaning |\n|---|---|---|---|\n";
  for (const sluice_field& row : rows) {
    const std::string by_default = default_text(row);
    text += "| `" + std::string{view(row.key)} + "` | " + cell(allowed(row)) + " | " +
            (by_default.empty() ? "" : "`" + cell(by_default) + "`") + " | " + cell(remarks(row)) +
            " |\n";
  }
  return text;
}

std::string abilities(const sluice_plugin& plugin) {
  struct ability {
    std::uint32_t flag;
    const char* text;
  };
  constexpr std::array<ability, 6> known{{{SLUICE_CAN_ABSORB, "absorbs records into its state"},
                                          {SLUICE_CAN_HOLD, "holds records"},
                                          {SLUICE_CAN_EMIT, "emits records of its own"},
                                          {SLUICE_CAN_IO, "has an event loop"},
                                          {SLUICE_NEVER_DELAY, "cannot be delayed"},
                                          {SLUICE_CAN_PRINT, "prints"}}};
  std::vector<std::string> parts;
  for (const ability& one : known)
    if ((plugin.capabilities & one.flag) != 0) parts.emplace_back(one.text);
  return joined(parts, ", ");
}

/// A value that shows the shape of a required key.
std::string placeholder(const sluice_field& row) {
  if (flagged(row, SLUICE_FIELD_SECRET)) {
    std::string variable{view(row.environment)};
    if (variable.empty())
      for (const char c : view(row.key))
        variable += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return "\"${" + variable + "}\"";
  }
  switch (row.kind) {
    case SLUICE_BOOLEAN: return "true";
    case SLUICE_INTEGER: return has_minimum(row) ? show_amount(row, row.minimum) : "1";
    case SLUICE_NUMBER: return has_minimum(row) ? show_amount(row, row.minimum) : "1.0";
    case SLUICE_DURATION: return "\"1s\"";
    case SLUICE_SIZE: return "\"64KiB\"";
    case SLUICE_CHOICE: return "\"" + choices_of(row).front() + "\"";
    case SLUICE_STRINGS: return "[\"...\"]";
    default: return "\"...\"";
  }
}

template <typename Keys>
std::string part(std::string_view title, std::string_view doc) {
  return "\n## " + std::string{title} + "\n\n" + std::string{doc} + "\n\n" +
         key_table(raw_rows<Keys>());
}

}  // namespace

std::string sample_toml(const sluice_plugin& plugin) {
  std::string text = plugin.kind == SLUICE_SERVICE ? "[[service]]\n" : "[[stage]]\n";
  text += "plugin = \"" + std::string{view(plugin.name)} + "\"\n";
  for (const sluice_field& row : rows_of(plugin)) {
    if (flagged(row, SLUICE_FIELD_DEPRECATED)) continue;
    const bool required = flagged(row, SLUICE_FIELD_REQUIRED);
    const std::string by_default = default_text(row);
    text += "\n# " + cell(view(row.doc)) + "\n" + (required ? "" : "# ") +
            std::string{view(row.key)} + " = " +
            (by_default.empty() ? placeholder(row) : by_default) + "\n";
  }
  return text;
}

std::string plugin_docs(const sluice_plugin& plugin) {
  const std::string name{view(plugin.name)};
  std::string text = "# " + name + "\n\n" + std::string{view(plugin.summary)} +
                     "\n\n- Kind: " + kind_name(plugin.kind) +
                     "\n- Version: " + std::string{view(plugin.version)} + "\n";
  if (const std::string can = abilities(plugin); !can.empty()) text += "- It " + can + ".\n";
  std::vector<std::string> schemas;
  for (std::uint32_t i = 0; i < plugin.emit_count; ++i)
    schemas.push_back("`" + std::string{view(plugin.emits[i])} + "`");
  if (!schemas.empty()) text += "- Makes records of: " + joined(schemas, ", ") + "\n";
  text += "\n## Keys\n\n" + key_table(rows_of(plugin));
  return text + "\n## Sample\n\n```toml\n" + sample_toml(plugin) + "```\n";
}

std::string host_docs() {
  return "# A pipeline file\n\nStages chain in the order of the file. `${VAR}`, "
         "`${VAR:-default}`, `${VAR:?message}` and `${file:/path}` may stand in any string; a "
         "string that is one whole `${...}` may stand for a value of any kind; `$${` is a plain "
         "`${`.\n\nA secret may also be a string in a Redis: "
         "`${redis:redis://[user:password@]host[:port]/database/key}`, with `%XX` for bytes such "
         "as "
         "`}` of user, password and key. It is read at the start and then once a second, so that "
         "no stage waits for it; while that Redis gives no answer the last value holds.\n" +
         part<pipeline_keys>("[pipeline]", "The pipeline as a whole; may be left out.") +
         part<level_keys>("[level]", "When pressure becomes a level; may be left out.") +
         part<stage_keys>("[[stage]]", "One stage; beside these the plugin's own keys.") +
         part<queue_keys>("queue", queue_doc) + "\n## where\n\n" + std::string{where_doc} +
         "\nIt holds for all of the stage's inputs.\n" +
         part<service_keys>("[[service]]", "What runs beside the stages, without records.");
}

}  // namespace sluice::config
