#include "config/schema.hpp"

#include "config/host_keys.hpp"
#include "config/json.hpp"
#include "config/settings.hpp"
#include "config/text.hpp"
#include "config/value.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <sluice/record.hpp>
#include <utility>

namespace sluice::config {

namespace {

namespace json = boost::json;

constexpr const char* duration_pattern =
    "^(-?([0-9][0-9_]*(\\.[0-9]+)?(ns|us|\u00b5s|ms|s|m|h|d))+|0)$";
constexpr const char* size_pattern =
    "^[0-9][0-9_]*(\\.[0-9]+)?\\s*(B|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$";

/// A string that holds a ${...}: what it says is known only when it is resolved.
json::object reference_schema() { return {{"type", "string"}, {"pattern", "\\$\\{"}}; }

json::value number(double amount) {
  if (std::floor(amount) == amount && std::abs(amount) < 9e15)
    return static_cast<std::int64_t>(amount);
  return amount;
}

void add_bounds(json::object& to, const sluice_field& row, const char* least, const char* most) {
  if (has_minimum(row)) to[least] = number(row.minimum);
  if (has_maximum(row)) to[most] = number(row.maximum);
}

json::object either(json::object first, json::object second) {
  return {{"anyOf", json::array{std::move(first), std::move(second)}}};
}

json::object text(const char* pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

json::object type_of(const sluice_field& row) {
  json::object made;
  switch (row.kind) {
    case SLUICE_BOOLEAN: return either({{"type", "boolean"}}, reference_schema());
    case SLUICE_INTEGER:
    case SLUICE_NUMBER:
      made["type"] = row.kind == SLUICE_INTEGER ? "integer" : "number";
      add_bounds(made, row, "minimum", "maximum");
      return either(std::move(made), reference_schema());
    case SLUICE_DURATION: return either(text(duration_pattern), reference_schema());
    case SLUICE_SIZE: {
      made = either(text(size_pattern), reference_schema());
      json::object bytes{{"type", "integer"}};
      add_bounds(bytes, row, "minimum", "maximum");
      made["anyOf"].as_array().push_back(std::move(bytes));
      return made;
    }
    case SLUICE_CHOICE: {
      json::array choices;
      for (const std::string& choice : choices_of(row)) choices.emplace_back(choice);
      return either({{"enum", std::move(choices)}}, reference_schema());
    }
    case SLUICE_STRINGS:
      return either({{"type", "array"}, {"items", {{"type", json::array{"string", "integer"}}}}},
                    reference_schema());
    default:
      made["type"] = "string";
      if ((row.flags & SLUICE_FIELD_SECRET) != 0) return made;
      add_bounds(made, row, "minLength", "maxLength");
      return made.size() == 1 ? made : either(std::move(made), reference_schema());
  }
}

/// A default as JSON, nothing if the row has none.
std::optional<json::value> default_of(const sluice_field& row) {
  checked value;
  std::string error;
  if (row.default_text.data == nullptr || !parse_default(row, value, error)) return std::nullopt;
  switch (row.kind) {
    case SLUICE_BOOLEAN: return value.value.integer != 0;
    case SLUICE_INTEGER: return value.value.integer;
    case SLUICE_NUMBER: return number(value.value.number);
    case SLUICE_STRINGS: return json::value_from(value.list);
    default: return json::value{json::string_view{row.default_text.data, row.default_text.size}};
  }
}

json::object property(const sluice_field& row) {
  json::object made = type_of(row);
  std::string doc{view(row.doc)};
  if (const auto unit = view(row.unit); !unit.empty()) doc += " (" + std::string{unit} + ")";
  if (const auto variable = view(row.environment); !variable.empty())
    doc += " Environment: " + std::string{variable} + ".";
  made["description"] = doc;
  if (auto by_default = default_of(row)) made["default"] = std::move(*by_default);
  if ((row.flags & SLUICE_FIELD_DEPRECATED) != 0) made["deprecated"] = true;
  return made;
}

void add_rows(json::object& table, std::span<const sluice_field> rows) {
  for (const sluice_field& row : rows) {
    const json::string_view key{row.key.data, row.key.size};
    table["properties"].as_object()[key] = property(row);
    const bool elsewhere = !view(row.environment).empty();
    if ((row.flags & SLUICE_FIELD_REQUIRED) != 0 && !elsewhere)
      table["required"].as_array().emplace_back(key);
  }
}

json::object table(std::string_view description) {
  return {{"type", "object"},
          {"description", json::string_view{description.data(), description.size()}},
          {"properties", json::object{}},
          {"required", json::array{}},
          {"additionalProperties", false}};
}

template <typename Keys>
json::object table_of(std::string_view description) {
  json::object made = table(description);
  add_rows(made, raw_rows<Keys>());
  return made;
}

json::object where_table() {
  const json::object priority{{"type", "integer"}, {"minimum", 0}, {"maximum", 2}};
  const json::object string{{"type", "string"}};
  const auto one_or_list = [](const json::object& item) {
    return either(item, {{"type", "array"}, {"items", item}, {"minItems", 1}});
  };
  return {{"type", "object"},
          {"description", json::string_view{where_doc.data(), where_doc.size()}},
          {"properties", {{"priority", one_or_list(priority)}, {"schema", one_or_list(string)}}},
          {"additionalProperties", one_or_list(string)}};
}

json::object stage_of(const sluice_plugin& plugin) {
  json::object made;
  if (plugin.kind == SLUICE_SERVICE) {
    made = table_of<service_keys>(view(plugin.summary));
  } else {
    made = table_of<stage_keys>(view(plugin.summary));
    made["properties"].as_object()["queue"] = json::object{{"$ref", "#/$defs/queue"}};
    made["properties"].as_object()["where"] = json::object{{"$ref", "#/$defs/where"}};
  }
  add_rows(made, rows_of(plugin));
  return made;
}

/// A list of tables, each described by the plugin it names.
json::object list_of(json::array by_plugin, std::string_view description) {
  json::object item{{"type", "object"},
                    {"required", json::array{"plugin"}},
                    {"properties", {{"plugin", {{"type", "string"}}}}}};
  if (!by_plugin.empty()) item["allOf"] = std::move(by_plugin);
  return {{"type", "array"},
          {"description", json::string_view{description.data(), description.size()}},
          {"items", std::move(item)}};
}

}  // namespace

std::string json_schema(std::span<const sluice_plugin* const> plugins) {
  json::object definitions{{"queue", table_of<queue_keys>(queue_doc)}, {"where", where_table()}};
  json::array stages, services;
  for (const sluice_plugin* plugin : plugins) {
    const std::string name{view(plugin->name)};
    definitions["plugin." + name] = stage_of(*plugin);
    json::object rule{
        {"if",
         {{"properties", {{"plugin", {{"const", name}}}}}, {"required", json::array{"plugin"}}}},
        {"then", {{"$ref", "#/$defs/plugin." + name}}}};
    (plugin->kind == SLUICE_SERVICE ? services : stages).push_back(std::move(rule));
  }
  json::object properties;
  properties["pipeline"] = table_of<pipeline_keys>("The pipeline as a whole.");
  properties["level"] = table_of<level_keys>("When pressure becomes a level.");
  properties["stage"] = list_of(std::move(stages),
                                "The stages, each fed by the one before it "
                                "unless it says from.");
  properties["service"] = list_of(std::move(services), "What runs beside the stages.");
  return pretty(json::object{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                             {"title", "A Sluice pipeline"},
                             {"type", "object"},
                             {"properties", std::move(properties)},
                             {"required", json::array{"stage"}},
                             {"additionalProperties", false},
                             {"$defs", std::move(definitions)}});
}

}  // namespace sluice::config
