// What differs between two pipelines, as an operator is told of it.
#include "config/changes.hpp"
#include "config/reading_test.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace sluice::config::changes_test {

namespace {

using fakes::design;

/// The design with `before` replaced by `after`.
std::string edited(std::string_view before, std::string_view after) {
  std::string text{design};
  const std::size_t at = text.find(before);
  REQUIRE(at != std::string::npos);
  return text.replace(at, before.size(), after);
}

std::string behind(std::string_view line, std::string_view more) {
  return edited(line, std::string{line} + std::string{more});
}

pipeline_spec pipeline(std::string_view text,
                       const environment& variables = fakes::test_environment()) {
  load_result read = fakes::read(text, variables);
  REQUIRE(fakes::lines(read.errors) == "");
  return std::move(*read.pipeline);
}

/// One line for each difference.
std::string told(const pipeline_spec& now, const pipeline_spec& next) {
  const comparison found = compare(now, next);
  std::string text;
  for (const stage_change& each : found.changes)
    text += std::string{change_name(each.what)} + " " + each.stage + ": " + each.text + "\n";
  for (const std::string& each : found.pipeline) text += each + "\n";
  for (const std::string& each : found.restarts) text += "! " + each + "\n";
  CHECK(found.empty() == text.empty());
  return text;
}
std::string told(std::string_view next) { return told(pipeline(design), pipeline(next)); }

constexpr std::string_view sampler = "plugin = \"adaptive_sampler\"\n";

}  // namespace

TEST_CASE("the same file is no change") {
  CHECK(told(design) == "");
  CHECK(told(behind("mode = \"quote\"\n", "# a remark\n\n")) == "");
}

TEST_CASE("values of live rows are applied in place, others by a swap") {
  CHECK(told(behind(sampler, "warning = 0.75\n")) ==
        "reconfigure adaptive_sampler: warning 0.8 -> 0.75\n");
  CHECK(told(behind(sampler, "warning = 0.75\ncritical = 0.25\n")) ==
        "swap adaptive_sampler: warning 0.8 -> 0.75, critical 0.5 -> 0.25\n");
  CHECK(told(edited("mode = \"quote\"", "mode = \"ltp\"")) ==
        "swap kite_source: mode \"quote\" -> \"ltp\"\n");
  CHECK(told(behind("channel = \"ticker:{type}:{key}\"\n", "timeout = \"2s\"\n")) ==
        "swap redis: timeout \"1s\" -> \"2s\"\n");
}

TEST_CASE("texts and secrets are compared, and not shown") {
  CHECK(told(edited("ticker:{type}:{key}", "ticks:{key}")) == "swap redis: channel changed\n");
  CHECK(told(behind("mode = \"quote\"\n", "instruments = [\"1\"]\n")) ==
        "swap kite_source: instruments changed\n");
  CHECK(told(edited("${TOKEN}", "${WORD}")) == "swap kite_source: access_token changed\n");
  CHECK(told(edited("${TOKEN}", "a-literal")) == "swap kite_source: access_token changed\n");
  // What the same reference leads to is read anew by the plugin itself.
  const pipeline_spec now = pipeline(design);
  CHECK(told(now, pipeline(design, fakes::only({{"KITE_API_KEY", "key"}, {"TOKEN", "other"}}))) ==
        "");
}

TEST_CASE("an environment variable's new value is a change as well") {
  CHECK(told(pipeline(design), pipeline(design, fakes::only({{"KITE_API_KEY", "key"},
                                                             {"TOKEN", "t"},
                                                             {"REDIS_BATCH_SIZE", "50"}}))) ==
        "swap redis: batch 100 -> 50\n");
}

TEST_CASE("another plugin in a stage's place is a swap, of another kind a restart") {
  const std::string named = behind(sampler, "name = \"sample\"\n");
  const std::string other = edited(sampler, "plugin = \"load_shedder\"\nname = \"sample\"\n");
  CHECK(told(pipeline(named), pipeline(other)) ==
        "swap sample: plugin adaptive_sampler 1.0.0 -> load_shedder 1.0.0\n");
  const std::string source = edited("plugin = \"http_admin\"\n",
                                    "plugin = \"backpressure_monitor\"\nname = \"http_admin\"\n");
  CHECK(told(source) == "swap http_admin: plugin http_admin 1.0.0 -> backpressure_monitor 1.0.0\n");
  const std::string guard = edited("plugin = \"circuit_breaker\"\n",
                                   "plugin = \"load_shedder\"\nname = \"circuit_breaker\"\n");
  CHECK(told(guard) == "! circuit_breaker: guard -> transform needs a restart\n");
}

TEST_CASE("the same plugin built anew is a swap") {
  pipeline_spec next = pipeline(design);
  const sluice_plugin rebuilt = *next.stages[1].plugin;
  next.stages[1].plugin = &rebuilt;
  CHECK(told(pipeline(design), next) ==
        "swap adaptive_sampler: adaptive_sampler 1.0.0 was built anew\n");
}

TEST_CASE("stages are added, removed and renamed") {
  const std::string more = behind(sampler, "\n[[stage]]\nplugin = \"load_shedder\"\n");
  CHECK(told(more) ==
        "add load_shedder: load_shedder 1.0.0\n"
        "rewire circuit_breaker: from [adaptive_sampler] -> [load_shedder]\n");
  CHECK(told(pipeline(more), pipeline(design)) ==
        "remove load_shedder: load_shedder 1.0.0\n"
        "rewire circuit_breaker: from [load_shedder] -> [adaptive_sampler]\n");
  CHECK(told(behind(sampler, "name = \"sample\"\n")) ==
        "remove adaptive_sampler: adaptive_sampler 1.0.0\n"
        "add sample: adaptive_sampler 1.0.0\n"
        "rewire circuit_breaker: from [adaptive_sampler] -> [sample]\n");
  CHECK(told(std::string{design} + "\n[[service]]\nplugin = \"backpressure_monitor\"\n") ==
        "add backpressure_monitor: backpressure_monitor 1.0.0\n");
}

TEST_CASE("removals come first and changes follow the new file") {
  const std::string now = behind(sampler, "\n[[stage]]\nplugin = \"load_shedder\"\n");
  std::string next = behind(sampler, "warning = 0.7\n\n[[stage]]\nplugin = \"holder\"\n");
  CHECK(told(pipeline(now), pipeline(next)) ==
        "remove load_shedder: load_shedder 1.0.0\n"
        "reconfigure adaptive_sampler: warning 0.8 -> 0.7\n"
        "add holder: holder 1.0.0\n"
        "rewire circuit_breaker: from [load_shedder] -> [holder]\n");
}

TEST_CASE("what a stage lets in is part of its wiring") {
  CHECK(told(behind("plugin = \"circuit_breaker\"\n", "where = { priority = 0 }\n")) ==
        "rewire circuit_breaker: where changed\n");
}

TEST_CASE("stages are switched off and on") {
  const std::string off = behind(sampler, "enabled = false\n");
  CHECK(told(off) == "switch_off adaptive_sampler: \n");
  CHECK(told(pipeline(off), pipeline(design)) == "switch_on adaptive_sampler: \n");
  // It takes effect when it is on again.
  CHECK(told(pipeline(off), pipeline(behind(sampler, "enabled = false\nwarning = 0.7\n"))) ==
        "swap adaptive_sampler: warning 0.8 -> 0.7\n");
}

TEST_CASE("on_fault is the host's alone") {
  CHECK(told(behind(sampler, "on_fault = \"stop\"\n")) ==
        "keys adaptive_sampler: on_fault bypass -> stop\n");
}

TEST_CASE("keys of the pipeline and of the level change while it runs") {
  CHECK(told(behind("name = \"ticker\"\n",
                    "drain_limit = \"5s\"\n[level]\nmode = \"monitor\"\nratio_warning = 0.9\n"
                    "latency_overload = \"300ms\"\npending_critical = 600\nhold = \"1s\"\n")) ==
        "pipeline.drain_limit\nlevel.mode\nlevel.ratio_warning\nlevel.pending_critical\n"
        "level.latency_overload\nlevel.hold\n");
}

TEST_CASE("what is fixed at the start needs a restart, each by its name") {
  CHECK(told(edited("name = \"ticker\"",
                    "name = \"other\"\nmax_keys = 100\n"
                    "metrics_prefix = \"feed\"\ncodecs = [\"kite_source\"]")) ==
        "! pipeline.name: ticker -> other needs a restart\n"
        "! pipeline.metrics_prefix: ticker -> feed needs a restart\n"
        "! pipeline.max_keys: 16384 -> 100 needs a restart\n"
        "! pipeline.codecs: [] -> [kite_source] needs a restart\n");
  // The queue is the sink's for whoever writes the file, though its guard stands before it.
  CHECK(told(edited("records = 5_000, bytes = \"1MiB\", when_full = \"conflate\"",
                    "records = 6_000, bytes = \"2MiB\", when_full = \"drop_newest\"")) ==
        "! redis.queue.records: 5000 -> 6000 needs a restart\n"
        "! redis.queue.bytes: 1MiB -> 2MiB needs a restart\n"
        "! redis.queue.when_full: conflate -> drop_newest needs a restart\n");
  CHECK(told(edited("max_delay = \"20ms\" }\nshards = 2", "max_delay = \"30ms\" }\nshards = 3")) ==
        "! redis.queue.max_delay: 20ms -> 30ms needs a restart\n"
        "! redis.shards: 2 -> 3 needs a restart\n");
  CHECK(told(behind(sampler, "queue = { }\n")) ==
        "! adaptive_sampler.queue: given needs a restart\n");
}

TEST_CASE("a guard comes and goes with its sink") {
  const std::string both = std::string{design} +
                           "\n[[stage]]\nname = \"aside\"\nplugin = \"circuit_breaker\"\nfrom = "
                           "[\"adaptive_sampler\"]\n[[stage]]\nname = \"console\"\nplugin = "
                           "\"null\"\nfrom = [\"aside\"]\n";
  CHECK(told(both) == "add aside: circuit_breaker 1.0.0\nadd console: null 1.0.0\n");
  CHECK(told(pipeline(both), pipeline(design)) ==
        "remove console: null 1.0.0\nremove aside: circuit_breaker 1.0.0\n");
}

TEST_CASE("a guard alone comes, goes and moves with a restart only") {
  const std::string none = edited("[[stage]]\nplugin = \"circuit_breaker\"\n", "");
  CHECK(told(none) == "! circuit_breaker: a guard that is removed needs a restart\n");
  CHECK(told(pipeline(none), pipeline(design)) ==
        "! circuit_breaker: a guard that is added needs a restart\n");
  constexpr std::string_view two =
      "[[stage]]\nplugin = \"null\"\nfrom = [\"adaptive_sampler\"]\n[[stage]]\nplugin = "
      "\"circuit_breaker\"\nfrom = [\"adaptive_sampler\"]\n";
  const std::string guard_first{"[[stage]]\nplugin = \"circuit_breaker\"\n"};
  CHECK(told(pipeline(edited(guard_first, two)),
             pipeline(edited("[[stage]]\nname = \"redis\"\n",
                             "[[stage]]\nplugin = \"null\"\n[[stage]]\nname = \"redis\"\nfrom = "
                             "[\"adaptive_sampler\"]\n"))) ==
        "! null: another guard before it needs a restart\n"
        "! redis: another guard before it needs a restart\n");
}

}  // namespace sluice::config::changes_test
