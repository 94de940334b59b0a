#include "config/edit.hpp"

#include "config/host_keys.hpp"
#include "config/text.hpp"

#include <sluice/record.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sluice::config {

namespace {

[[noreturn]] void refuse(const std::string& why) { throw std::runtime_error{why}; }

std::size_t number_of(const pipeline_spec& in, const std::string& stage) {
  std::vector<std::string> names;
  for (const stage_spec& each : in.stages) names.push_back(each.name);
  const auto found = std::find(names.begin(), names.end(), stage);
  if (found == names.end())
    refuse("there is no stage " + in_quotes(stage) + "; " + suggestion(stage, names));
  return static_cast<std::size_t>(found - names.begin());
}

/// The stages of a spec stand as their tables do: those of [[stage]], then those of [[service]].
node& table_of(node& document, std::size_t number) {
  for (const std::string_view list : {"stage", "service"}) {
    const entry* found = document.find(list);
    if (found == nullptr) continue;
    std::vector<node>& tables = const_cast<entry*>(found)->value.items;
    if (number < tables.size()) return tables[number];
    number -= tables.size();
  }
  refuse("the pipeline's document has fewer stages than run");
}

node text_node(std::string text) {
  node made;
  made.is = node::type::string;
  made.text = std::move(text);
  return made;
}

void put(node& table, entry given) {
  given.at = given.value.at = {};
  for (entry& each : table.entries)
    if (each.key == given.key) return void(each = std::move(given));
  table.entries.push_back(std::move(given));
}

/// "key=value" as the file would say it.
entry parse_setting(const std::string& given) {
  const std::size_t equals = given.find('=');
  if (equals == std::string::npos) refuse(in_quotes(given) + " is not key=value");
  const std::string key{trimmed(given.substr(0, equals))};
  const std::string value{trimmed(given.substr(equals + 1))};
  const auto parse = [&](const std::string& text) {
    auto parsed = parse_document(key + " = " + text + "\n", "");
    node* const table = std::get_if<node>(&parsed);
    const bool one = table != nullptr && table->entries.size() == 1;
    return one ? std::optional<entry>{std::move(table->entries.front())} : std::nullopt;
  };
  if (auto as_it_is = parse(value)) return *as_it_is;
  auto named = parse("0");
  if (!named || named->value.is != node::type::integer)
    refuse(in_quotes(given) + ": " + in_quotes(key) + " is not a key");
  named->value = text_node(value);
  return *named;
}

bool is_host_key(std::string_view key) {
  return std::find(reserved_keys.begin(), reserved_keys.end(), key) != reserved_keys.end();
}

void put_plugin(node& table, const stage_spec& before, const std::string& plugin,
                const plugin_lookup& find) {
  const sluice_plugin& next = *find(plugin).plugin;
  if (next.kind != before.plugin->kind)
    refuse("a swap keeps the kind: " + in_quotes(before.name) + " is a " +
           kind_name(before.plugin->kind) + ", " + in_quotes(plugin) + " a " +
           kind_name(next.kind));
  if (view(next.name) != view(before.plugin->name))
    std::erase_if(table.entries, [](const entry& each) { return !is_host_key(each.key); });
  put(table, {"plugin", {}, text_node(plugin)});
  // Its name may have been the plugin's.
  put(table, {"name", {}, text_node(before.name)});
}

}  // namespace

node edited(const pipeline_spec& now, const stage_edit& edit, const plugin_lookup& find) {
  if (now.document == nullptr) refuse("the pipeline was not read from a file");
  const std::size_t number = number_of(now, edit.stage);
  node made = *now.document;
  node& table = table_of(made, number);
  if (!edit.plugin.empty()) put_plugin(table, now.stages[number], edit.plugin, find);
  for (const std::string& each : edit.set) {
    entry given = parse_setting(each);
    if (given.key == "plugin" || given.key == "name")
      refuse(given.key + ": what a stage is and is called is not set with key=value");
    put(table, std::move(given));
  }
  return made;
}

}  // namespace sluice::config
