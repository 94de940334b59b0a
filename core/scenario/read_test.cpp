#include "fakes_test.hpp"
#include "scenario/run.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace {

using namespace sluice::scenario;

const std::string sound = R"(doc = "Sound."
duration = "10s"
[[feed]]
load = [{ rate = 1000 }, { at = "5s", rate = 2000, ramp = true }]
group = [{ instruments = 10 }, { instruments = 2, priority = 0, type = "underlying" }]
shift = ["3s"]
[[feed.burst]]
at = "2s"
sockets = 3
ticks = 3000
[[sink]]
capacity = 1500
[[fault]]
kind = "slow"
at = "1s"
for = "2s"
factor = 2.5
[[expect]]
from = "1s"
max_level = "CRITICAL"
losses = ["sampled", "unknown"]
)";

/// The errors of a text, a line each.
std::string errors_of(const std::string& text) {
  std::string all;
  for (const auto& each : read_text(text, "t.toml", &fakes::find).errors)
    all += to_string(each) + "\n";
  return all;
}

std::string with(std::string text, const std::string& what, const std::string& instead) {
  return text.replace(text.find(what), what.size(), instead) + std::string{fakes::stages};
}

bool says(const std::string& text, const std::string& error) {
  const bool found = text.find(error) != std::string::npos;
  if (!found) MESSAGE(text);
  return found;
}

TEST_CASE("a file becomes a scenario; what is not said has its default") {
  const scenario made = fakes::made(sound);
  CHECK(made.name == "test");
  CHECK(made.seed == 1);
  REQUIRE(made.feeds.size() == 1);
  CHECK(*made.feeds[0].stage == "source");
  CHECK(made.feeds[0].load[1].ramp);
  CHECK(made.feeds[0].groups[1].priority == 0);
  CHECK(made.feeds[0].shift_at.at(0) == std::chrono::seconds{3});
  CHECK(made.feeds[0].bursts[0].every == std::chrono::milliseconds{250});
  CHECK(*made.sinks.at(0).stage == "sink");
  CHECK(made.faults.at(0).kind == fault_kind::slow);
  CHECK(*made.faults[0].stage == "sink");
  CHECK(*made.expected.at(0).to == std::chrono::seconds{10});
}

TEST_CASE("every mistake is told with its place and what is allowed") {
  CHECK(says(errors_of(with(sound, "capacity", "capacty")),
             "t.toml:12:1: sink.capacty: unknown key; did you mean \"capacity\"?"));
  CHECK(says(errors_of(with(sound, "[[sink]]\ncapacity", "[[sink]]\nlatency = 3\ncapacity")),
             "t.toml:12:11: sink.latency: a duration needs its unit"));
  CHECK(says(errors_of(with(sound, "\"slow\"", "\"slwo\"")),
             "t.toml:14:8: fault.kind: must be one of \"slow\", \"stop\""));
  CHECK(says(errors_of(with(sound, "max_level", "maxlevel")), "did you mean \"max_level\"?"));
  CHECK(says(errors_of(with(sound, "\"unknown\"]", "\"unkown\"]")),
             "t.toml:21:1: expect.losses: \"unkown\" is no way to lose a record; did you mean "
             "\"unknown\"?"));
  CHECK(says(errors_of(with(sound, "[[expect]]\nfrom = \"1s\"", "[[expect]]\nfrom = \"11s\"")),
             "expect: the range must begin before it ends and end within the 10s"));
  CHECK(says(errors_of(with(sound, "at = \"5s\"", "at = \"0s\"")),
             "feed.load: the points must stand in rising order"));
  CHECK(says(errors_of(with(sound, "\"3s\"", "\"3\"")), "feed.shift: \"3\" is no duration"));
  CHECK(says(errors_of(with(sound, "[[fault]]", "[fault]")), "fault: must be a list of tables"));
  CHECK(says(errors_of(with(sound, "doc = \"Sound.\"", "")), "doc: is required"));
  CHECK(says(errors_of("doc = \"\n"), "t.toml:1:"));
}

TEST_CASE("a swap is read as an edit of the pipeline, and done while it runs") {
  const auto swapped = [](const std::string& keys) {
    return std::string{
               "doc = \"Swaps.\"\nduration = \"3s\"\n[[feed]]\nload = [{ rate = 1000 }]\n"
               "group = [{ instruments = 10 }]\n[[sink]]\ncapacity = 5000\n"
               "[[swap]]\nat = \"1s\"\n"} +
           keys +
           "[[stage]]\nplugin = \"source\"\n[[stage]]\nname = \"half\"\n"
           "plugin = \"halver\"\n[[stage]]\nplugin = \"sink\"\n";
  };
  const scenario made = fakes::made(swapped("stage = \"half\"\n"), "");
  CHECK(made.changes.at(0).only == "half");
  const outcome good = run(made, 1);
  CHECK(good.broken.empty());
  CHECK(good.end.changes_done == 1);
  const outcome bad = run(fakes::made(swapped("stage = \"half\"\nplugin = \"unfit\"\n"), ""), 1);
  REQUIRE(bad.broken.size() == 1);
  CHECK(bad.broken[0] == "the swap of half at 1s: unfit 1.0.0: self_test: not today");

  CHECK(says(errors_of(swapped("stage = \"hlaf\"\n")),
             "t.toml:8:1: swap: there is no stage \"hlaf\"; did you mean \"half\"?"));
  CHECK(says(errors_of(swapped("stage = \"half\"\nset = [\"x=1\"]\n")), "swap: x: unknown key"));
  CHECK(says(errors_of(swapped("stage = \"sink\"\nset = [\"batch=3\"]\n")), "sink\" is a sink"));
  CHECK(says(errors_of(swapped("stage = \"sink\"\n")),
             "swap: \"sink\" is a sink; allowed are changes of transforms"));
}

TEST_CASE("a reload makes the pipeline what another file says, in the order of time") {
  const auto folder =
      std::filesystem::temp_directory_path() / ("reload-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const auto write = [&](const std::string& stages) {
    std::ofstream{folder / "next.toml"} << "[pipeline]\nname = \"t\"\n" << stages;
  };
  const auto source = "[[stage]]\nplugin = \"source\"\n", sink = "[[stage]]\nplugin = \"sink\"\n";
  const auto half = "[[stage]]\nname = \"half\"\nplugin = \"halver\"\n";
  const std::string text =
      std::string{
          "doc = \"Reloads.\"\nduration = \"3s\"\n[[feed]]\nload = [{ rate = 1000 }]\n"
          "group = [{ instruments = 10 }]\n[[sink]]\ncapacity = 5000\n"
          "[[swap]]\nat = \"2s\"\nstage = \"half\"\n"
          "[[reload]]\nat = \"1s\"\npipeline = \"next.toml\"\n[pipeline]\nname = \"t\"\n"} +
      source + sink;
  const auto read = [&] { return read_text(text, (folder / "t.toml").string(), &fakes::find); };

  write(std::string{source} + half + sink);
  const read_result added = read();
  REQUIRE(added.errors.empty());
  REQUIRE(added.read->changes.size() == 2);
  CHECK(added.read->changes[0].title == "reload of next.toml");
  const outcome good = run(*added.read, 1);
  CHECK(good.broken.empty());
  CHECK(good.end.changes_done == 2);
  CHECK(good.end.total.dropped[SLUICE_DROP_SAMPLED] > 0);

  const auto errors = [&] {
    std::string all;
    for (const auto& each : read().errors) all += to_string(each) + "\n";
    return all;
  };
  write(std::string{source} + half + sink + "batch = 3\n");
  CHECK(says(errors(), "t.toml:11:1: reload: \"sink\" is a sink; allowed are changes of "));
  write(std::string{source} + half + sink + "shards = 3\n");
  CHECK(says(errors(), "reload: sink.shards: 1 -> 3 needs a restart"));
  write(std::string{source} + half + sink + "bach = 3\n");
  CHECK(says(errors(), "next.toml:10:1: bach: unknown key"));
  std::filesystem::remove_all(folder);
}

TEST_CASE("a fault that comes again is one fault each time") {
  std::string text = sound;
  text.replace(text.find("[[fault]]"), 9, "[[fault]]\ntimes = 3\nevery = \"4s\"");
  const std::vector<fault_spec> faults = fakes::made(text).faults;
  REQUIRE(faults.size() == 3);
  for (int i = 0; i < 3; ++i)
    CHECK(faults[static_cast<std::size_t>(i)].at == faults[0].at + std::chrono::seconds{4 * i});
  CHECK(says(errors_of(with(sound, "[[fault]]", "[[fault]]\ntimes = 2\nevery = \"100ms\"")),
             "fault.every: must be at least as long as `for`"));
}

TEST_CASE("stages that are not there, said twice, or left without a model") {
  CHECK(says(errors_of(with(sound, "capacity = 1500", "capacity = 1500\nstage = \"snik\"")),
             "sink.stage: the pipeline has no sink called \"snik\"; did you mean \"sink\"?"));
  CHECK(says(errors_of(with(sound, "capacity = 1500", "capacity = 1500\n[[sink]]\ncapacity = 2")),
             "sink.stage: \"sink\" has a [[sink]] already"));
  CHECK(says(errors_of(with(sound, "[[sink]]\ncapacity = 1500", "")),
             "sink: \"sink\" talks to the world and needs a model"));
  CHECK(says(errors_of(sound + std::string{fakes::stages} +
                       "name = \"other\"\nfrom = [\"source\"]\n[[stage]]\nplugin = \"sink\"\n"
                       "from = [\"source\"]\n"),
             "sink.stage: is required: the pipeline has several sinks, other, sink"));
  CHECK(says(errors_of(with(sound, "instruments = 10 ", "instruments = 20_000 ")),
             "at most pipeline.max_keys instruments are allowed, 16384, are 20002"));
}

TEST_CASE("the pipeline is in one place, and sees the scenario's variables alone") {
  CHECK(says(errors_of("pipeline = \"x.toml\"\n" + sound + std::string{fakes::stages}),
             "stage: the pipeline is in \"x.toml\""));
  CHECK(says(errors_of("pipeline = \"/nowhere/x.toml\"\n" + sound), "there is no such file"));
  CHECK(says(errors_of(sound + "[[stage]]\nplugin = \"sorce\"\n"), "no plugin is called sorce"));
  const std::string variable =
      "[[stage]]\nplugin = \"source\"\n[[stage]]\nplugin = \"sink\"\n"
      "name = \"${HOME}\"\n";
  CHECK(says(errors_of(sound + variable), "HOME is not set"));
  CHECK(errors_of("environment = { HOME = \"redis\" }\n" + sound + variable) == "");
}

template <typename Keys>
void explained(const std::string& page) {
  for (const auto& row : Keys::fields) {
    const std::string key{sluice::view(row.raw.key)};
    CAPTURE(key);
    CHECK(page.find(key) != std::string::npos);
  }
}

TEST_CASE("the users' page explains every key") {
  std::ifstream in{SLUICE_SCENARIO_README};
  std::stringstream page;
  page << in.rdbuf();
  REQUIRE_FALSE(page.str().empty());
  explained<head_keys>(page.str());
  explained<feed_spec>(page.str());
  explained<load_point>(page.str());
  explained<burst>(page.str());
  explained<group>(page.str());
  explained<sink_spec>(page.str());
  explained<fault_spec>(page.str());
  explained<expectation>(page.str());
}

}  // namespace
