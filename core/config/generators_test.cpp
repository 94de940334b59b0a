// What is made from rows and from a checked pipeline: schema, pages, samples, graphs.
#include "config/docs.hpp"
#include "config/fakes_test.hpp"
#include "config/graph.hpp"
#include "config/plugin_rows.hpp"
#include "config/schema.hpp"

#include <doctest/doctest.h>
#include <boost/json.hpp>

namespace generators_test {

using namespace sluice;
using namespace sluice::config;

namespace {

pipeline_spec branched() {
  auto result = load_text(R"(
[pipeline]
name = "two"
[[stage]]
plugin = "replay"
file = "x"
[[stage]]
plugin = "circuit_breaker"
[[stage]]
name = "redis"
plugin = "redis_sink"
shards = 2
[[stage]]
plugin = "null"
from = ["replay"]
where = { priority = [0], type = ["options", "futures", ""] }
[[service]]
plugin = "http_admin"
)",
                          "two.toml", fakes::find, fakes::only({}));
  REQUIRE(result.pipeline);
  return std::move(*result.pipeline);
}

}  // namespace

TEST_CASE("the graph for a terminal") {
  CHECK(graph_text(branched()) == R"(two

  source     replay
    |
  [ queue: 10000 records, 16MiB, drop_oldest ]
    |
  guard      circuit_breaker  [2 shards]
    |
  sink       redis (redis_sink)  [2 shards]

  from replay  where priority=0 type=options|futures|(none)
    |
  [ queue: 10000 records, 16MiB, drop_oldest ]
    |
  sink       null

  service    http_admin
)");
}

TEST_CASE("the graph for Graphviz and for programs") {
  const auto spec = branched();
  const std::string dot = graph_dot(spec);
  CHECK(dot.find("\"circuit_breaker\" -> \"redis\";") != std::string::npos);
  CHECK(
      dot.find(
          "\"replay\" -> \"null\" [label=\"priority=0 type=options|futures|(none); 10000 records, "
          "16MiB, drop_oldest\"];") != std::string::npos);
  const auto json = boost::json::parse(graph_json(spec)).as_object();
  const auto& stages = json.at("stages").as_array();
  REQUIRE(stages.size() == 5);
  CHECK(stages[1].at("queue").at("records").as_int64() == 10'000);
  CHECK(stages[3].at("inputs").at(0).at("where").at("type").at(1).as_string() == "futures");
  CHECK(stages[4].at("kind").as_string() == "service");
}

TEST_CASE("the schema describes every plugin's keys beside the host's") {
  const auto schema = boost::json::parse(json_schema(fakes::all())).as_object();
  const auto& sink = schema.at("$defs").at("plugin.redis_sink");
  const auto& properties = sink.at("properties").as_object();
  for (const char* key : {"plugin", "name", "from", "shards", "hold", "on_fault", "queue", "where",
                          "url", "channel", "password", "batch"})
    CHECK_MESSAGE(properties.contains(key), key);
  CHECK(sink.at("additionalProperties").as_bool() == false);
  const auto& batch = properties.at("batch");
  CHECK(batch.at("default").as_int64() == 100);
  CHECK(batch.at("anyOf").at(0).at("maximum").as_int64() == 256);
  CHECK(batch.at("description").as_string() ==
        "Most records in one call. (records) Environment: REDIS_BATCH_SIZE.");
  const auto& service = schema.at("$defs").at("plugin.http_admin").at("properties").as_object();
  CHECK_FALSE(service.contains("from"));
  CHECK(schema.at("properties").at("service").at("items").at("allOf").as_array().size() == 2);
  const auto& source = schema.at("$defs").at("plugin.kite_source");
  // The token may come from its variable instead.
  CHECK(boost::json::serialize(source.at("required")) == R"(["plugin","api_key"])");
}

TEST_CASE("a plugin's sample is its own valid settings") {
  const auto variables =
      fakes::only({{"KITE_ACCESS_TOKEN", "t"}, {"PASSWORD", "p"}, {"KITE_API_KEY", "k"}});
  for (const sluice_plugin* plugin : fakes::all()) {
    if (view(plugin->name) == "bad_rows") continue;
    std::string sample = sample_toml(*plugin);
    sample = sample.substr(sample.find('\n', sample.find("plugin =")) + 1);
    CHECK_NOTHROW(load_settings(*plugin, sample, variables));
    // The defaults shown in comments are what they say as well.
    std::string all;
    for (std::size_t at = 0; at < sample.size(); at = sample.find('\n', at) + 1) {
      const std::string line = sample.substr(at, sample.find('\n', at) - at);
      const bool setting = line.starts_with("# ") && line.find(" = ") != std::string::npos;
      all += (setting ? line.substr(2) : line) + "\n";
    }
    CHECK_NOTHROW_MESSAGE(load_settings(*plugin, all, variables), all);
  }
}

TEST_CASE("a plugin's page names kind, bounds, variable and secret") {
  const std::string page = plugin_docs(plugin_of<fakes::redis_sink>);
  CHECK(page.starts_with("# redis_sink\n\nPublishes.\n\n- Kind: sink\n"));
  CHECK(
      page.find("| `batch` | an integer between 1 and 256 (records) | `100` | Most records in one "
                "call. Overridden by `REDIS_BATCH_SIZE`. |") != std::string::npos);
  CHECK(page.find("| `password` | a string |  | For AUTH. A secret:") != std::string::npos);
  CHECK(host_docs().find("| `drain_limit` | a duration") != std::string::npos);
}

TEST_CASE("rows the host cannot use are named") {
  CHECK(row_problems(plugin_of<fakes::redis_sink>).empty());
  sluice_field rows[3]{};
  rows[0] = {SLUICE_CHOICE, 0, borrow("a"), borrow("doc"), {}, {}, {}, {}, 0, 0};
  rows[1] = {99, 0, borrow("a"), borrow("doc"), {}, {}, {}, {}, 0, 0};
  rows[2] = {SLUICE_INTEGER, SLUICE_FIELD_SECRET, borrow("B c"), {}, {}, {}, {}, {}, 2, 1};
  sluice_plugin plugin{};
  plugin.fields = rows;
  plugin.field_count = 3;
  plugin.field_size = sizeof(sluice_field);
  CHECK(
      row_problems(plugin) ==
      std::vector<std::string>{"a: a choice needs its choices, \"a|b|c\"",
                               "a: the key stands twice", "a: kind 99 is not known to this version",
                               "B c: a key is a snake_case noun", "B c: a secret must be a string",
                               "B c: its minimum is above its maximum", "B c: it has no doc"});
}

}  // namespace generators_test
