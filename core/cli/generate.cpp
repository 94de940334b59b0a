// The verbs that write what a pipeline or its plugins say of themselves.
#include "cli/output.hpp"

#include "config/docs.hpp"
#include "config/graph.hpp"
#include "config/schema.hpp"

#include <fmt/format.h>

namespace sluice::cli {

int graph(const graph_options& asked) {
  const config::load_result result = load(asked.file, asked.from);
  complain(result);
  if (!result.pipeline) return bad_configuration;
  print(asked.format == "json"  ? config::graph_json(*result.pipeline)
        : asked.format == "dot" ? config::graph_dot(*result.pipeline)
                                : config::graph_text(*result.pipeline));
  return done;
}

int schema(const schema_options& asked) {
  const plugin::loader from = make_loader(asked.from);
  std::vector<config::found_plugin> found;
  for (const std::string& name : asked.plugins) found.push_back(from.find(name));
  if (asked.plugins.empty()) {
    for (plugin::discovered& one : from.discover()) {
      if (one.found.plugin != nullptr)
        found.push_back(std::move(one.found));
      else
        complain(fmt::format("{}: {}\n", one.file.string(), one.error));
    }
  }
  std::vector<const sluice_plugin*> plugins;
  for (const config::found_plugin& one : found) plugins.push_back(one.plugin);
  print(config::json_schema(plugins));
  return done;
}

int docs(const docs_options& asked) {
  if (asked.plugin.empty()) {
    print(config::host_docs());
    return done;
  }
  const config::found_plugin found = make_loader(asked.from).find(asked.plugin);
  print(asked.sample ? config::sample_toml(*found.plugin) : config::plugin_docs(*found.plugin));
  return done;
}

int version(const version_options& asked) {
  if (asked.format == "json")
    print(fmt::format("{{\"version\":\"{}\",\"abi\":\"{}.{}\"}}\n", SLUICE_VERSION,
                      SLUICE_ABI_MAJOR, SLUICE_ABI_MINOR));
  else
    print(fmt::format("sluice {} (plugin ABI {}.{})\n", SLUICE_VERSION, SLUICE_ABI_MAJOR,
                      SLUICE_ABI_MINOR));
  return done;
}

}  // namespace sluice::cli
