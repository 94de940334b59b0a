#include "cli/output.hpp"

#include "config/docs.hpp"
#include "config/json.hpp"
#include "config/pipeline.hpp"

#include <sluice/record.hpp>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace sluice::cli {
namespace {

namespace json = boost::json;

std::string as_json(const std::vector<plugin::discovered>& all) {
  json::array list;
  for (const plugin::discovered& one : all) {
    json::object row{{"file", one.file.string()}};
    if (one.found.plugin == nullptr) {
      row["error"] = one.error;
    } else {
      row["name"] = view(one.found.plugin->name);
      row["version"] = view(one.found.plugin->version);
      row["kind"] = config::kind_name(one.found.plugin->kind);
      row["summary"] = view(one.found.plugin->summary);
    }
    list.push_back(std::move(row));
  }
  return config::pretty(list);
}

}  // namespace

int plugins(const plugins_options& asked) {
  const plugin::loader from = make_loader(asked.from);
  const std::vector<plugin::discovered> all = from.discover();
  if (asked.format == "json") {
    print(as_json(all));
    return done;
  }
  for (const plugin::discovered& one : all)
    if (one.found.plugin != nullptr)
      print(fmt::format("{:<20} {:<10} {:<10} {}\n", view(one.found.plugin->name),
                        config::kind_name(one.found.plugin->kind), view(one.found.plugin->version),
                        view(one.found.plugin->summary)));
  for (const plugin::discovered& one : all)
    if (one.found.plugin == nullptr)
      complain(fmt::format("{}: {}\n", one.file.string(), one.error));
  if (all.empty()) {
    complain("no plugin was found; looked in\n");
    for (const auto& directory : from.directories())
      complain(fmt::format("  {}\n", directory.string()));
  }
  return done;
}

}  // namespace sluice::cli
