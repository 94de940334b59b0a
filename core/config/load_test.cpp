#include "config/load.hpp"

#include "config/reading_test.hpp"

#include <unistd.h>

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

namespace load_test {

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::fakes;

TEST_CASE("the pipeline of the design is read, defaulted and chained") {
  const auto result = read(design);
  CHECK(lines(result.errors) == "");
  REQUIRE(result.pipeline);
  const auto& spec = *result.pipeline;
  CHECK(spec.name == "ticker");
  CHECK(spec.hash.size() == 64);
  CHECK(spec.max_keys == 16'384);
  CHECK(spec.drain_limit_ns == 10'000'000'000);
  CHECK(spec.level.pending[2] == 2000);
  REQUIRE(spec.stages.size() == 5);
  CHECK(spec.stages[0].inputs.empty());
  for (std::uint32_t i = 1; i < 4; ++i) {
    REQUIRE(spec.stages[i].inputs.size() == 1);
    CHECK(spec.stages[i].inputs[0].from == i - 1);
  }
  CHECK(view(value(spec.stages[0], "mode").string) == "quote");
  CHECK(value(spec.stages[0], "mode").integer == 1);
  CHECK(value(spec.stages[0], "instruments").list_size == 2);
  CHECK(value(spec.stages[3], "timeout").integer == 1'000'000'000);
  CHECK(spec.stages[1].fault_policy == on_fault::bypass);
  CHECK(spec.stages[2].fault_policy == on_fault::bypass);
  CHECK(spec.stages[3].fault_policy == on_fault::stop);
  // The queue is the sink's in the file, and begins the tail in the graph.
  REQUIRE(spec.stages[2].queue);
  CHECK_FALSE(spec.stages[3].queue);
  CHECK(spec.stages[2].queue->records == 5000);
  CHECK(spec.stages[2].queue->bytes == 1u << 20);
  CHECK(spec.stages[2].queue->policy == when_full::conflate);
  CHECK(spec.stages[2].queue->max_delay_ns == 20'000'000);
  CHECK(spec.stages[2].shards == 2);
  CHECK(spec.stages[3].shards == 2);
  CHECK(spec.stages[4].inputs.empty());
}

TEST_CASE("every key of [level] reaches the classifier; its defaults are the requirement's") {
  const std::string rest = "\n[[stage]]\nplugin='replay'\nfile='x'\n[[stage]]\nplugin='null'\n";
  auto result = read(rest);
  REQUIRE(result.pipeline);
  const level_spec given = result.pipeline->level, initial;
  for (int i = 0; i < 3; ++i) {
    CHECK(given.ratio[i] == initial.ratio[i]);
    CHECK(given.latency_ns[i] == initial.latency_ns[i]);
    CHECK(given.pending[i] == initial.pending[i]);
    CHECK(given.ratio_exit[i] == initial.ratio_exit[i]);
  }
  CHECK(given.exit_share == initial.exit_share);
  CHECK(given.hold_ns == initial.hold_ns);
  CHECK(given.hold_max_ns == initial.hold_max_ns);
  CHECK(given.relapse_ns == initial.relapse_ns);

  result = read(R"([level]
mode = "monitor"
ratio_warning = 0.9
ratio_critical = 0.7
ratio_overload = 0.4
latency_warning = "1ms"
latency_critical = "2ms"
latency_overload = "3ms"
pending_warning = 1
pending_critical = 2
pending_overload = 3
ratio_exit_warning = 0.95
ratio_exit_critical = 0.75
ratio_exit_overload = 0.4
exit_share = 0.5
hold = "3s"
hold_max = "3s"
relapse = "4s"
)" + rest);
  CHECK(lines(result.errors) == "");
  REQUIRE(result.pipeline);
  const level_spec& level = result.pipeline->level;
  CHECK(level.mode == level_mode::monitor);
  CHECK(std::vector(level.ratio, level.ratio + 3) == std::vector{0.9, 0.7, 0.4});
  CHECK(std::vector(level.latency_ns, level.latency_ns + 3) ==
        std::vector<std::int64_t>{1'000'000, 2'000'000, 3'000'000});
  CHECK(std::vector(level.pending, level.pending + 3) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(std::vector(level.ratio_exit, level.ratio_exit + 3) == std::vector{0.95, 0.75, 0.4});
  CHECK(level.exit_share == 0.5);
  CHECK(level.hold_ns == 3'000'000'000);
  CHECK(level.hold_max_ns == 3'000'000'000);
  CHECK(level.relapse_ns == 4'000'000'000);
}

TEST_CASE("a sink without a word has the default queue; the file names the pipeline") {
  const auto result = read("[[stage]]\nplugin='replay'\nfile='x'\n[[stage]]\nplugin='null'\n");
  CHECK(lines(result.errors) == "");
  REQUIRE(result.pipeline);
  CHECK(result.pipeline->name == "ticker");
  REQUIRE(result.pipeline->stages[1].queue);
  CHECK(result.pipeline->stages[1].queue->records == 10'000);
  CHECK(result.pipeline->stages[1].queue->bytes == 16u << 20);
  CHECK(lines(result.warnings) == "");
}

TEST_CASE("branches, merges and conditions") {
  const auto result = read(R"(
[[stage]]
plugin = "replay"
file = "x"
[[stage]]
name = "a"
plugin = "holder"
hold = 7
[[stage]]
name = "b"
plugin = "holder"
from = ["replay"]
queue = { when_full = "drop_newest" }
[[stage]]
plugin = "null"
from = ["a", "b"]
where = { priority = [0, 1], schema = "x/1", type = ["options", "futures"], exchange = "NSE" }
)");
  CHECK(lines(result.errors) == "");
  REQUIRE(result.pipeline);
  const auto& sink = result.pipeline->stages[3];
  REQUIRE(sink.inputs.size() == 2);
  CHECK(sink.inputs[0].from == 1);
  CHECK(sink.inputs[1].from == 2);
  for (const auto& edge : sink.inputs) {
    CHECK(edge.where.priorities == std::vector<std::uint8_t>{0, 1});
    CHECK(edge.where.schemas == std::vector<std::string>{"x/1"});
    REQUIRE(edge.where.attributes.size() == 2);
    CHECK(edge.where.attributes[0].values == std::vector<std::string>{"options", "futures"});
    CHECK(edge.where.attributes[1].name == "exchange");
  }
  CHECK(result.pipeline->stages[1].hold == 7);
  CHECK(result.pipeline->stages[2].queue->policy == when_full::drop_newest);
}

TEST_CASE("a whole ${...} takes the kind of its key") {
  const std::string text = R"(
[[stage]]
plugin = "replay"
file = "a-${WORD}-$${WORD}"
speed = "${SPEED}"
loop = "${LOOP:-yes}"
[[stage]]
plugin = "redis_sink"
timeout = "${TIMEOUT:-2.5}"
queue = { records = "${RECORDS:-12}" }
)";
  const auto result = read(text, fakes::only({{"WORD", "w"}, {"SPEED", "2"}}));
  CHECK(lines(result.errors) == "");
  REQUIRE(result.pipeline);
  const auto& source = result.pipeline->stages[0];
  CHECK(view(value(source, "file").string) == "a-w-${WORD}");
  CHECK(value(source, "speed").number == 2);
  CHECK(value(source, "loop").integer == 1);
  CHECK(value(result.pipeline->stages[1], "timeout").integer == 2'500'000'000);
  CHECK(result.pipeline->stages[1].queue->records == 12);
}

TEST_CASE("the hash follows the settings and not the secrets or the layout") {
  const auto hash = [](std::string_view text, const environment& variables) {
    const auto result = read(text, variables);
    REQUIRE(result.pipeline);
    return result.pipeline->hash;
  };
  const auto first = hash(design, with("TOKEN2", "x"));
  CHECK(first == hash("# other\n" + std::string{design}, fakes::test_environment()));
  CHECK(first != hash(design, with("REDIS_PUBLISH_TIMEOUT", "2")));
  CHECK(first != hash(design, with("ENABLE_ADAPTIVE_SAMPLING", "false")));
}

TEST_CASE("settings of one stage alone") {
  const auto none = fakes::only({});
  const auto settings = load_settings(plugin_of<fakes::replay>, "file = 'x'\nspeed = 2", none);
  REQUIRE(settings->size() == 3);
  CHECK(settings->data()[1].number == 2);
  CHECK_THROWS_WITH(load_settings(plugin_of<fakes::replay>, "fiel = 'x'\nspeed = 1000", none),
                    "replay:1:1: fiel: unknown key; did you mean \"file\"?\n"
                    "replay:2:9: speed: must be between 0.1 and 100, is 1000\n"
                    "replay: file: is required: The session.");
}

TEST_CASE("a stage that several lanes lead to gets a queue, and check says so") {
  const std::string sources =
                        "[[stage]]\nplugin='replay'\nname='a'\nfile='x'\n"
                        "[[stage]]\nplugin='replay'\nname='b'\nfile='y'\n",
                    end = "[[stage]]\nplugin='null'\n";
  const auto merged = read(sources + "[[stage]]\nplugin='holder'\nfrom=['a','b']\n" + end);
  CHECK(lines(merged.errors) == "");
  CHECK(lines(merged.warnings)
            .find("ticker.toml:9:1: \"holder\" takes from \"a\", \"b\", which run in different "
                  "lanes: it "
                  "got a queue, with the default bounds; write queue = { } to choose them\n") !=
        std::string::npos);
  REQUIRE(merged.pipeline);
  REQUIRE(merged.pipeline->stages[2].queue);
  CHECK(merged.pipeline->stages[2].queue->records == 10'000);
  CHECK(std::any_of(merged.effective.begin(), merged.effective.end(), [](const auto& one) {
    return one.owner == "holder" && one.key == "queue.bytes" && one.value == "\"16MiB\"" &&
           one.origin == "default";
  }));

  const auto chosen =
      read(sources + "[[stage]]\nplugin='holder'\nfrom=['a','b']\n" + "queue={records=7}\n" + end);
  CHECK(lines(chosen.warnings).find("got a queue") == std::string::npos);
  CHECK(chosen.pipeline->hash != merged.pipeline->hash);
  // Branches of one lane meet without a queue.
  const auto branches = read(
      "[[stage]]\nplugin='replay'\nfile='x'\n[[stage]]\nplugin='holder'\n"
      "[[stage]]\nplugin='holder'\nname='other'\nfrom=['replay']\n"
      "[[stage]]\nplugin='holder'\nname='both'\nfrom=['holder','other']\n" +
      end);
  CHECK(lines(branches.warnings).find("got a queue") == std::string::npos);
  CHECK_FALSE(branches.pipeline->stages[3].queue);
}

TEST_CASE("what a plugin says of its settings is shown whole, without a password") {
  const auto result = read(
      "[[stage]]\nplugin='replay'\nfile='x'\n"
      "[[stage]]\nplugin='redis_sink'\nurl='http://me:hidden@host/' # twice\n");
  CHECK(lines(result.errors) ==
        "ticker.toml:6:1: url: must begin with redis://, rediss:// or unix:// (see the README for "
        "each of them and its parts), is http://me:***@host/\n");
}

TEST_CASE("a file that cannot be read is an error of the whole file") {
  CHECK(lines(load("/nowhere/x.toml", fakes::find, fakes::only({})).errors) ==
        "/nowhere/x.toml: there is no such file\n");
  CHECK(lines(load("/", fakes::find, fakes::only({})).errors) == "/: is a folder, not a file\n");
  const auto large = std::filesystem::temp_directory_path() /
                     ("sluice_large_" + std::to_string(getpid()) + ".toml");
  std::ofstream{large} << "# a comment\n";
  std::filesystem::resize_file(large, (4 << 20) + 1);
  CHECK(lines(load(large, fakes::find, fakes::only({})).errors) ==
        large.string() + ": is longer than 4 MiB, the most a file may be\n");
  std::filesystem::remove(large);
}

TEST_CASE("a plugin may be named for its codecs alone") {
  const auto with = [](const std::string& codecs) {
    return read("[pipeline]\ncodecs = " + codecs +
                "\n[[stage]]\nplugin='replay'\nfile='x'\n[[stage]]\nplugin='null'\n");
  };
  const auto result = with("['kite_source']");
  REQUIRE(lines(result.errors) == "");
  REQUIRE(result.pipeline->codecs.size() == 1);
  CHECK(view(result.pipeline->codecs[0].found->name) == "kite_source");
  CHECK(result.pipeline->stages.size() == 2);
  CHECK(lines(with("['kites', 'null']").errors) ==
        "ticker.toml:2:1: pipeline.codecs: no plugin \"kites\"; tried /plugins/kites.so\n"
        "ticker.toml:2:1: pipeline.codecs: \"null\" has no codec\n");
}

TEST_CASE("a relative path of a file to read starts at the pipeline file's folder") {
  const auto path_in = [](const std::string& pipeline, const std::string& given) {
    const auto result = load_text("[[stage]]\nplugin = \"replay\"\nfile = \"" + given +
                                      "\"\n[[stage]]\nplugin = \"redis_sink\"\n",
                                  pipeline, fakes::find, fakes::test_environment());
    CHECK(lines(result.errors) == "");
    return std::string{view(value(result.pipeline->stages[0], "file").string)};
  };
  CHECK(path_in("/etc/sluice/ticker.toml", "day.session") == "/etc/sluice/day.session");
  CHECK(path_in("pipelines/ticker.toml", "../day.session") == "day.session");
  CHECK(path_in("ticker.toml", "day.session") == "day.session");
  CHECK(path_in("/etc/sluice/ticker.toml", "/var/day.session") == "/var/day.session");
}

TEST_CASE("letters that are not ASCII are for strings and comments") {
  const auto errors = [](std::string_view text) { return lines(read(text).errors); };
  // What stands between two ranges of the parser's tables is in neither, wherever it looks them up.
  for (const std::string_view letter :
       {"\xD1\x9E", "\xC2\xB5", "\xEF\xBB\xB7", "\xF0\x9F\x92\xA1"}) {
    const std::string one{letter};
    CHECK(errors("[pipeline]\na." + one + " = 0\n").starts_with("ticker.toml:2:"));
    CHECK(errors("x = " + one + "\n").starts_with("ticker.toml:1:"));
    CHECK(errors("x = 'a\n" + one + " = 1\n").starts_with("ticker.toml:"));
    CHECK(errors("x = 1" + one + "\n").starts_with("ticker.toml:1:"));
    CHECK(errors("x = 2222\"" + one + "a\n").starts_with("ticker.toml:1:"));
    CHECK(errors("x = \"\\" + one + "\"\n").starts_with("ticker.toml:1:"));
  }
  const std::string plain = errors("[pipeline]\n");
  for (const std::string_view fine :
       {"# \xD1\x9E\n[pipeline]\n", "[pipeline]\n#'\xD1\x9E\n", "\xEF\xBB\xBF[pipeline]\n"})
    CHECK(errors(fine) == plain);
  for (const std::string_view fine :
       {"name = \"\xD1\x9E \\\" \xD1\x9E\"\n", "name = '\xD1\x9E'\n",
        "name = \"\"\"a\n\"\xD1\x9E\"\"\"\n", "name = '''a'\n\xD1\x9E'''\n",
        "name = \"\"\"a\\\n \xC2\xB5\"\"\"\n"})
    CHECK(errors("[pipeline]\n" + std::string{fine}).find("pipeline.name: must be 1 to 64") !=
          std::string::npos);
}

}  // namespace load_test
