#include "config/graph.hpp"

#include "config/docs.hpp"
#include "config/json.hpp"
#include "config/text.hpp"

#include <boost/json.hpp>
#include <sluice/record.hpp>

#include <algorithm>
#include <array>

namespace sluice::config {

namespace {

namespace json = boost::json;

std::string describe(const where_spec& where) {
  std::vector<std::string> parts, priorities;
  for (const auto priority : where.priorities) priorities.push_back(std::to_string(priority));
  if (!priorities.empty()) parts.push_back("priority=" + joined(priorities, "|"));
  if (!where.schemas.empty()) parts.push_back("schema=" + joined(where.schemas, "|"));
  for (const auto& attribute : where.attributes) {
    std::vector<std::string> values = attribute.values;
    std::replace(values.begin(), values.end(), std::string{}, std::string{"(none)"});
    parts.push_back(attribute.name + "=" + joined(values, "|"));
  }
  return joined(parts, " ");
}

std::string plugin_of(const stage_spec& stage) { return std::string{view(stage.plugin->name)}; }

/// "redis (redis_sink)", or the name alone when it is the plugin's.
std::string title(const stage_spec& stage) {
  const std::string plugin = plugin_of(stage);
  return stage.name == plugin ? plugin : stage.name + " (" + plugin + ")";
}

std::vector<std::string> marks(const stage_spec& stage) {
  std::vector<std::string> found;
  if (stage.shards > 1) found.push_back(std::to_string(stage.shards) + " shards");
  if (stage.bypassed) found.emplace_back("switched off");
  return found;
}

std::string in_dot(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

/// Whether the stage takes all records of the one before it and of no other.
bool simply_chained(const pipeline_spec& pipeline, std::size_t i) {
  const auto& inputs = pipeline.stages[i].inputs;
  return inputs.size() == 1 && inputs[0].from + 1 == i && inputs[0].where.empty();
}

std::string inputs_of(const pipeline_spec& pipeline, const stage_spec& stage) {
  std::vector<std::string> names;
  for (const edge_spec& edge : stage.inputs) names.push_back(pipeline.stages[edge.from].name);
  std::string text = joined(names, ", ");
  if (!stage.inputs.empty() && !stage.inputs[0].where.empty())
    text += "  where " + describe(stage.inputs[0].where);
  return text;
}

json::object to_json(const queue_spec& queue) {
  return {{"records", queue.records},
          {"bytes", queue.bytes},
          {"when_full", policy_name(queue.policy)},
          {"max_delay_ns", queue.max_delay_ns}};
}

json::object to_json(const where_spec& where) {
  json::object made;
  if (!where.priorities.empty()) {
    json::array priorities;
    for (const auto priority : where.priorities) priorities.emplace_back(+priority);
    made["priority"] = std::move(priorities);
  }
  if (!where.schemas.empty()) made["schema"] = json::value_from(where.schemas);
  for (const auto& attribute : where.attributes)
    made[attribute.name] = json::value_from(attribute.values);
  return made;
}

}  // namespace

std::string describe(const queue_spec& queue) {
  std::string text = std::to_string(queue.records) + " records, " +
                     show_size(static_cast<std::int64_t>(queue.bytes)) + ", " +
                     policy_name(queue.policy);
  if (queue.max_delay_ns > 0) text += ", max_delay " + show_duration(queue.max_delay_ns);
  return text;
}

std::string graph_text(const pipeline_spec& pipeline) {
  std::string text = pipeline.name + "\n";
  for (std::size_t i = 0; i < pipeline.stages.size(); ++i) {
    const stage_spec& stage = pipeline.stages[i];
    const bool apart = stage.inputs.empty() || !simply_chained(pipeline, i);
    if (apart) text += "\n";
    if (!stage.inputs.empty())
      text += apart ? "  from " + inputs_of(pipeline, stage) + "\n    |\n" : "    |\n";
    if (stage.queue) text += "  [ queue: " + describe(*stage.queue) + " ]\n    |\n";
    std::string kind = kind_name(stage.plugin->kind);
    kind.resize(std::max<std::size_t>(kind.size(), 9), ' ');
    const std::string extra = joined(marks(stage), ", ");
    text += "  " + kind + "  " + title(stage) + (extra.empty() ? "" : "  [" + extra + "]") + "\n";
  }
  return text;
}

std::string graph_dot(const pipeline_spec& pipeline) {
  std::string text =
      "digraph " + in_dot(pipeline.name) + " {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const stage_spec& stage : pipeline.stages) {
    std::string label = title(stage);
    for (const std::string& mark : marks(stage)) label += ", " + mark;
    text += "  " + in_dot(stage.name) + " [label=" + in_dot(label) +
            (stage.plugin->kind == SLUICE_SERVICE ? ", style=dashed" : "") + "];\n";
  }
  for (const stage_spec& stage : pipeline.stages)
    for (const edge_spec& edge : stage.inputs) {
      std::vector<std::string> parts;
      if (!edge.where.empty()) parts.push_back(describe(edge.where));
      if (stage.queue) parts.push_back(describe(*stage.queue));
      text += "  " + in_dot(pipeline.stages[edge.from].name) + " -> " + in_dot(stage.name) +
              (parts.empty() ? "" : " [label=" + in_dot(joined(parts, "; ")) + "]") + ";\n";
    }
  return text + "}\n";
}

std::string graph_json(const pipeline_spec& pipeline) {
  json::array stages;
  for (const stage_spec& stage : pipeline.stages) {
    json::array inputs;
    for (const edge_spec& edge : stage.inputs) {
      json::object input{{"from", pipeline.stages[edge.from].name}};
      if (!edge.where.empty()) input["where"] = to_json(edge.where);
      inputs.push_back(std::move(input));
    }
    json::object made{
        {"name", stage.name},
        {"plugin", plugin_of(stage)},
        {"version", json::string_view{stage.plugin->version.data, stage.plugin->version.size}},
        {"kind", kind_name(stage.plugin->kind)},
        {"inputs", std::move(inputs)},
        {"shards", stage.shards},
        {"bypassed", stage.bypassed}};
    if (stage.queue) made["queue"] = to_json(*stage.queue);
    stages.push_back(std::move(made));
  }
  return pretty(json::object{{"name", pipeline.name},
                             {"file", pipeline.file},
                             {"hash", pipeline.hash},
                             {"stages", std::move(stages)}});
}

}  // namespace sluice::config
