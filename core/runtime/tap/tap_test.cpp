// Watching the records of a stage: what is copied, what is counted as lost, when it ends.
#include "runtime/tap/taps.hpp"
#include "runtime/test_rig.hpp"

#include <boost/json.hpp>

#include <cstring>
#include <string>
#include <thread>

namespace tap_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;
namespace json = boost::json;

namespace {

std::uint64_t write_text(const sluice_record* record, char* out, std::uint64_t capacity) {
  const std::string text =
      "\"text\":\"" + std::string{reinterpret_cast<const char*>(record->data), record->size} + "\"";
  if (text == "\"text\":\"bad\"") return 0;
  if (text.size() <= capacity) std::memcpy(out, text.data(), text.size());
  return text.size();
}
constexpr std::string_view schema_name = "test/1";
constexpr sluice_codec text_codec{sizeof(sluice_codec),
                                  8,  // less than any record takes
                                  {schema_name.data(), schema_name.size()},
                                  &write_text,
                                  nullptr};

struct coded : scripted<SLUICE_SOURCE> {
  using scripted::scripted;
  static constexpr std::array codecs{&text_codec};
};

/// source -> plain -> sink, and its taps.
struct tapped_rig : rig {
  tapped_rig() {
    add("source", &plugin_of<coded>);
    add("plain", plain, {"source"});
    add("sink", sink, {"plain"});
    build();
    watched.emplace(run->running());
  }
  json::object read(const tap_question& asked, std::uint64_t after = 0) {
    watched->look();
    return json::parse(watched->read(asked, after)).as_object();
  }
  std::string error_of(const tap_question& asked) {
    try {
      watched->read(asked, 0);
    } catch (const std::invalid_argument& why) {
      return why.what();
    }
    return "";
  }
  std::optional<taps> watched;
};

/// "key:seq" of each record.
std::string words_of(const json::object& document) {
  std::string made;
  for (const json::value& each : document.at("records").as_array())
    made += (made.empty() ? "" : " ") + json::serialize(each.at("key")) + ":" +
            json::serialize(each.at("seq"));
  return made;
}

}  // namespace

TEST_CASE("tap: what leaves a stage and what a sink is given, decoded, from the first look on") {
  tapped_rig on;
  on["plain"].process = [](batch& records) {
    for (const record& each : records)
      if (each.key == 2) records.drop(each, reason::sampled);
  };
  on.give({{1}});
  for (const char* stage : {"source", "plain", "sink"}) CHECK(words_of(on.read({stage})) == "");
  on.give({{1, "one"}, {2, "two"}, {3, "bad", SLUICE_PRIORITY_HIGH, 2.5F}});
  CHECK(words_of(on.read({"source"})) == "1:2 2:1 3:1");
  CHECK(words_of(on.read({"plain"})) == "1:2 3:1");
  const json::object seen = on.read({"sink"});
  CHECK(words_of(seen) == "3:1 1:2");  // of its queue, priority 0 leaves first
  const json::object& first = seen.at("records").at(1).as_object();
  CHECK(json::serialize(first.at("record")) == R"({"text":"one"})");
  CHECK(first.at("schema") == "test/1");
  CHECK(first.at("stage") == "sink");
  CHECK(first.at("bytes") == 3);
  const json::object& second = seen.at("records").at(0).as_object();
  CHECK(second.at("record").is_null());  // malformed
  CHECK(second.at("priority") == 0);
  CHECK(json::serialize(second.at("weight")) == "2.5E0");

  on.give({{1}});
  CHECK(words_of(on.read({"sink"}, seen.at("last").to_number<std::uint64_t>())) == "1:3");
  on.check_balance();
}

TEST_CASE("tap: filters by key, priority and schema, and each n-th of those") {
  tapped_rig on;
  tap_question key{"source"}, priority{"source"}, schema{"source"}, third{"source"};
  key.key = 7;
  priority.priority = SLUICE_PRIORITY_LOW;
  schema.schema = "test/1";
  third.every = 3;
  for (const tap_question& each : {key, priority, schema, third}) on.read(each);
  for (int i = 0; i < 7; ++i)
    on.give({{7}, {8, "x", SLUICE_PRIORITY_LOW}, {9, "x", SLUICE_PRIORITY_NORMAL, 1, "other/1"}});
  CHECK(on.read(key).at("records").as_array().size() == 7);
  CHECK(on.read(priority).at("records").as_array().size() == 7);
  CHECK(on.read(schema).at("records").as_array().size() == 14);
  CHECK(words_of(on.read(third)) == "7:1 7:2 7:3 7:4 7:5 7:6 7:7");
  schema.schema = "nobody/1";
  CHECK(on.error_of(schema) == "no record here has the schema \"nobody/1\"");
}

TEST_CASE("tap: what does not fit or is not read is counted, and memory is bounded") {
  constexpr std::uint64_t most = tap_buffer::records_max;
  tapped_rig on;
  on.read({"source"});
  on.give_many(most + 50);
  json::object seen = on.read({"source"});
  CHECK(seen.at("records").as_array().size() == most);
  CHECK(seen.at("wanted") == most + 50);
  CHECK(seen.at("lost") == 50);

  on.give({{1, std::string(tap_buffer::bytes_max + 1, 'x')}});
  CHECK(on.read({"source"}).at("lost") == 51);

  for (int i = 0; i < 10; ++i) {
    on.give_many(most);
    on.watched->look();  // nobody reads
  }
  seen = on.read({"source"});
  CHECK(seen.at("records").as_array().size() == 4096);
  CHECK(seen.at("lost") == 51 + 10 * most - 4096);
}

TEST_CASE("tap: it closes when nobody reads it, and only so many are open") {
  tapped_rig on;
  const auto& point = *on.run->running().find("source")->tap;
  on.read({"source"});
  CHECK(point.watched());
  on.run->advance(4'000 * ms);
  on.read({"source"});
  on.run->advance(4'000 * ms);
  on.watched->look();
  CHECK(point.watched());
  on.run->advance(1'100 * ms);
  on.watched->look();
  CHECK_FALSE(point.watched());

  for (std::uint64_t key = 0; key < 8; ++key) {
    tap_question asked{"sink"};
    asked.key = key;
    on.read(asked);
  }
  CHECK(on.error_of({"sink"}).starts_with("8 taps are open, which is the most at once"));
  CHECK(on.error_of({"redis"}) ==
        "no records pass a stage \"redis\"; they pass source, plain, sink");
}

TEST_CASE("tap: it follows its stage when that goes and comes again") {
  tapped_rig on;
  const config::pipeline_spec whole = on.spec;
  config::pipeline_spec without = whole;
  without.stages.erase(without.stages.begin() + 1);
  without.stages[1].inputs[0].from = 0;
  const auto become = [&](const config::pipeline_spec& next) {
    current_scripts = &on.plays;
    CHECK(on.run->change(next, {}).error == "");
  };
  on.read({"plain"});
  on.give({{1}});
  become(without);
  on.give({{1}});
  CHECK(words_of(on.read({"plain"})) == "1:1");
  CHECK(on.error_of({"plain"}) == "");
  CHECK_THROWS_WITH(on.watched->read({"plain"}, UINT64_MAX),
                    "no records pass a stage \"plain\"; they pass source, sink");
  become(whole);
  on.watched->look();
  on.give({{1}});
  CHECK(words_of(on.read({"plain"})) == "1:1 1:3");
  CHECK(on.read({"plain"}).at("lost") == 0);
}

TEST_CASE("tap: a lane that offers while others read loses nothing uncounted, and waits for none") {
  tap_point point;
  const int watcher = 0;
  point.open(&watcher, {});
  constexpr std::uint64_t batches = 20'000;
  std::thread lane{[&point] {
    std::uint8_t payload[8]{};
    sluice_record record{};
    record.data = payload;
    record.size = sizeof payload;
    for (std::uint64_t i = 0; i < batches; ++i)
      if (point.watched()) point.offer(&record, 1);
  }};
  std::uint64_t got = 0;
  for (bool last = false; !last;) {
    last = got + point.missed() >= batches;
    const auto buffer = point.exchange(&watcher, std::make_unique_for_overwrite<tap_buffer>());
    got += buffer->records().size() + buffer->lost();
    for (const sluice_record& each : buffer->records()) REQUIRE(each.data[7] == 0);
  }
  lane.join();
  CHECK(got + point.missed() == batches);
}

}  // namespace tap_test
