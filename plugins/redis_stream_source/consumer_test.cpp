#include "consumer.hpp"
#include "codec.hpp"

#include <doctest/doctest.h>
#include <hiredis/hiredis.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace consumer_test {

using namespace sluice;
using namespace sluice::redis_stream_source;
using namespace std::chrono_literals;

namespace {

using words = consumer::command;

struct pipeline final : outlet {
  std::vector<std::vector<std::string>> pushed;      ///< ids, by push
  std::vector<std::uint16_t> schemas;                ///< of each entry
  std::vector<std::vector<std::string>> attributes;  ///< of each entry
  std::uint64_t discarded = 0;
  losses so_far;
  bool stuck = false;                ///< what was pushed does not end
  std::deque<int> losing, refusing;  ///< how many of each push to come

  void push(std::span<const entry> entries) override {
    pushed.emplace_back();
    for (const entry& each : entries) {
      pushed.back().push_back(each.id);
      schemas.push_back(each.schema_number);
      attributes.push_back(each.attributes);
    }
    so_far.lost += take(losing);
    so_far.refused += take(refusing);
  }
  static std::uint64_t take(std::deque<int>& from) {
    if (from.empty()) return 0;
    const auto first = static_cast<std::uint64_t>(from.front());
    from.pop_front();
    return first;
  }
  void discard() override { ++discarded; }
  std::uint16_t schema(std::string_view name) override {
    return name.empty() ? 1 : name == "kite.tick/1" ? 2 : 0;
  }
  std::optional<losses> settled() override {
    return stuck && !pushed.empty() ? std::nullopt : std::optional{so_far};
  }
};

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

/// [[id, [data, x, key, 7]], ...]
std::string entries(const std::vector<std::string>& ids, const std::string& field = "data") {
  std::string made = "*" + std::to_string(ids.size()) + "\r\n";
  for (const std::string& id : ids)
    made += "*2\r\n" + bulk(id) + "*4\r\n" + bulk(field) + bulk("x") + bulk("key") + bulk("7");
  return made;
}

/// A consumer of a group that exists, with nothing stale.
struct rig {
  pipeline out;
  time_point now{1s};
  consumer on;

  explicit rig(bool ready = true)
      : on{{"s",
            "g",
            "me",
            "s:dead",
            "0",
            "data",
            "key",
            "schema",
            true,
            10,
            3,
            30s,
            500ms,
            {"type", "symbol"}},
           out} {
    on.connected();
    if (!ready) return;
    REQUIRE(next().at(0) == "XGROUP");
    answer("+OK\r\n");
    REQUIRE(next().at(0) == "XPENDING");
    answer("*0\r\n");
  }
  words next() { return on.next(now).value_or(words{}); }
  std::string answer(const std::string& resp) {
    redisReader* reader = redisReaderCreate();
    void* reply = nullptr;
    redisReaderFeed(reader, resp.data(), resp.size());
    REQUIRE(redisReaderGetReply(reader, &reply) == REDIS_OK);
    REQUIRE(reply != nullptr);
    std::string wrong = on.answered(*static_cast<redisReply*>(reply), now);
    freeReplyObject(reply);
    redisReaderFree(reader);
    return wrong;
  }
  void give(const std::vector<std::string>& ids, const std::string& field = "data") {
    REQUIRE(next().at(0) == "XREADGROUP");
    CHECK(answer("*1\r\n*2\r\n" + bulk("s") + entries(ids, field)).empty());
  }
  void give_stale(const std::string& id, int deliveries) {
    now += 15s;
    REQUIRE(next().at(0) == "XPENDING");
    CHECK(answer("*1\r\n*4\r\n" + bulk(id) + bulk("other") +
                 ":31000\r\n:" + std::to_string(deliveries) + "\r\n")
              .empty());
    CHECK(next() == words{"XCLAIM", "s", "g", "me", "30000", id});
    CHECK(answer(entries({id})).empty());
  }
};

}  // namespace

TEST_CASE("entries are acknowledged when the pipeline has done with them, not before") {
  rig test;
  test.give({"1-0", "2-0"});
  CHECK(test.next() == words{"XACK", "s", "g", "1-0", "2-0"});
  REQUIRE(test.out.pushed.size() == 1);
  CHECK(test.out.pushed[0] == std::vector<std::string>{"1-0", "2-0"});
  test.answer(":2\r\n");
  CHECK(test.on.counts().acknowledged == 2);

  test.out.stuck = true;
  test.give({"3-0"});
  CHECK(test.next().empty());  // something of another source is on its way
  CHECK(test.out.pushed.size() == 1);
  CHECK(test.on.wake_time() == test.now + 1ms);
}

TEST_CASE("after a loss they are handed over again, one by one, in order, until it goes well") {
  rig test;
  test.out.losing = {2, 0, 0, 1};  // of each push
  test.give({"1-0", "2-0"});
  CHECK(test.next().empty());
  CHECK(test.on.wake_time() == test.now + 500ms);
  test.now += 499ms;
  CHECK(test.next().empty());
  test.now += 1ms;
  CHECK(test.next() == words{"XACK", "s", "g", "1-0"});
  test.answer(":1\r\n");
  CHECK(test.next() == words{"XACK", "s", "g", "2-0"});
  test.answer(":1\r\n");
  test.give({"3-0"});
  CHECK(test.next().empty());
  test.now += 500ms;
  CHECK(test.next() == words{"XACK", "s", "g", "3-0"});
  using ids = std::vector<std::string>;
  CHECK(test.out.pushed == std::vector<ids>{{"1-0", "2-0"}, {"1-0"}, {"2-0"}, {"3-0"}, {"3-0"}});
  CHECK(test.on.counts().acknowledged == 2);
  CHECK(test.on.counts().retried == 3);
}

TEST_CASE(
    "what the pipeline refuses again and again becomes a dead letter, its neighbours do not") {
  rig test;
  test.out.refusing = {1, 1, 1, 1, 0};
  test.give({"1-0", "2-0"});
  while (test.out.pushed.size() < 4) {
    const words asked = test.next();
    if (asked.empty()) continue;
    REQUIRE(asked.at(0) == "XADD");
    CHECK(asked == words{"XADD", "s:dead", "*", "stream", "s", "id", "1-0", "group", "g", "data",
                         "x", "key", "7", "schema", "", "delivered", "3"});
    break;
  }
  CHECK(test.out.pushed.size() == 4);  // with its neighbour, then three times alone
  test.answer(bulk("9-0"));
  CHECK(test.next() == words{"XACK", "s", "g", "1-0"});
  test.answer(":1\r\n");
  CHECK(test.next() == words{"XACK", "s", "g", "2-0"});
  test.answer(":1\r\n");
  CHECK(test.on.counts().buried == 1);
  CHECK(test.on.counts().acknowledged == 1);
}

TEST_CASE("what a silent consumer left is claimed, handed over alone, and given up in the end") {
  rig test;
  test.give_stale("1-0", 2);
  CHECK(test.next() == words{"XACK", "s", "g", "1-0"});
  test.answer(":1\r\n");
  CHECK(test.out.pushed.size() == 1);
  CHECK(test.on.counts().claimed == 1);

  test.give_stale("2-0", 3);  // the fourth delivery of three
  CHECK(test.next().at(0) == "XADD");
  CHECK(test.out.pushed.size() == 1);
  test.answer(bulk("9-0"));
  CHECK(test.next() == words{"XACK", "s", "g", "2-0"});
}

TEST_CASE("an entry without the field cannot be a record: it is counted, and a dead letter") {
  rig test;
  test.give({"1-0"}, "other");
  CHECK(test.next().at(0) == "XADD");
  CHECK(test.out.discarded == 1);
  CHECK(test.out.pushed.empty());
}

TEST_CASE("an entry is of the schema that it names; of one that cannot be it is a dead letter") {
  rig test;
  const auto entry = [](const std::string& id, const std::string& schema) {
    return "*2\r\n" + bulk(id) + "*6\r\n" + bulk("key") + bulk("7") + bulk("schema") +
           bulk(schema) + bulk("data") + bulk("x");
  };
  REQUIRE(test.next().at(0) == "XREADGROUP");
  test.answer("*1\r\n*2\r\n" + bulk("s") + "*3\r\n" + entry("1-0", "kite.tick/1") +
              entry("2-0", "") + entry("3-0", "what"));
  CHECK(test.next() == words{"XACK", "s", "g", "1-0", "2-0"});
  CHECK(test.out.schemas == std::vector<std::uint16_t>{2, 1});
  test.answer(":2\r\n");
  CHECK(test.next() == words{"XADD", "s:dead", "*", "stream", "s", "id", "3-0", "group", "g",
                             "data", "x", "key", "7", "schema", "what", "delivered", "1"});
  CHECK(test.out.discarded == 1);
}

TEST_CASE("an entry says what its key is, as far as it has the fields") {
  rig test;
  const auto entry = [](const std::string& id, const std::string& name, const std::string& value) {
    return "*2\r\n" + bulk(id) + "*4\r\n" + bulk(name) + bulk(value) + bulk("data") + bulk("x");
  };
  REQUIRE(test.next().at(0) == "XREADGROUP");
  test.answer("*1\r\n*2\r\n" + bulk("s") + "*3\r\n" + entry("1-0", "symbol", "INFY") +
              entry("2-0", "type", "equity") + entry("3-0", "other", "x"));
  CHECK(test.next().at(0) == "XACK");
  using values = std::vector<std::string>;
  CHECK(test.out.attributes == std::vector<values>{{"", "INFY"}, {"equity", ""}, {"", ""}});
}

TEST_CASE("a dead letter keeps what its key is") {
  rig test;
  REQUIRE(test.next().at(0) == "XREADGROUP");
  test.answer("*1\r\n*2\r\n" + bulk("s") + "*1\r\n*2\r\n" + bulk("1-0") + "*4\r\n" +
              bulk("symbol") + bulk("INFY") + bulk("other") + bulk("x"));
  CHECK(test.next() == words{"XADD", "s:dead", "*", "stream", "s", "id", "1-0", "group", "g",
                             "data", "", "key", "0", "schema", "", "delivered", "1", "symbol",
                             "INFY"});
}

TEST_CASE("entries that take long are kept from being claimed by others") {
  rig test;
  test.out.stuck = true;
  test.give({"1-0", "2-0"});
  CHECK(test.next().empty());
  test.now += 10s;
  CHECK(test.next() == words{"XCLAIM", "s", "g", "me", "0", "1-0", "2-0", "JUSTID"});
  test.answer(entries({}));
  CHECK(test.next().empty());
  test.out.stuck = false;
  CHECK(test.next() == words{"XACK", "s", "g", "1-0", "2-0"});
}

TEST_CASE("a lost connection changes nothing of what is in hand; it is kept first") {
  rig test;
  test.out.stuck = true;
  test.give({"1-0"});
  CHECK(test.next().empty());
  test.on.connected();
  CHECK(test.next().at(0) == "XGROUP");
  test.answer("-BUSYGROUP Consumer Group name already exists\r\n");
  CHECK(test.next().at(0) == "XCLAIM");
  test.answer(entries({}));
  test.out.stuck = false;
  CHECK(test.next() == words{"XACK", "s", "g", "1-0"});
  CHECK(test.out.pushed.size() == 1);
}

TEST_CASE("an error of Redis is said as it is") {
  rig test{false};
  CHECK(test.next().at(0) == "XGROUP");
  CHECK(test.answer("-WRONGTYPE Operation against a key\r\n") ==
        "WRONGTYPE Operation against a key");
}

TEST_CASE("at the end nothing is read any more, and what is under way is waited for") {
  rig test;
  test.out.stuck = true;
  test.give({"1-0"});
  CHECK(test.next().empty());
  CHECK_FALSE(test.on.finish());
  test.out.stuck = false;
  CHECK(test.next().at(0) == "XACK");
  CHECK_FALSE(test.on.finish());
  test.answer(":1\r\n");
  CHECK(test.next().empty());
  CHECK(test.on.finish());
}

namespace {

std::string json(const std::string& data, std::uint64_t capacity = 256) {
  sluice_record of{};
  of.data = reinterpret_cast<const std::uint8_t*>(data.data());
  of.size = static_cast<std::uint32_t>(data.size());
  std::string out(capacity, '#');
  const std::uint64_t size = entry_codec.write_json(&of, out.data(), capacity);
  return size > capacity ? "needs " + std::to_string(size) : out.substr(0, size);
}

}  // namespace

TEST_CASE("an entry as JSON: a string, escaped; what is not UTF-8 is malformed") {
  CHECK(json("") == "\"data\":\"\"");
  CHECK(json("{\"a\":\"\\\n\"}") == "\"data\":\"{\\\"a\\\":\\\"\\\\\\u000a\\\"}\"");
  CHECK(json("\xE2\x82\xAC \xF0\x9F\x98\x80") == "\"data\":\"\xE2\x82\xAC \xF0\x9F\x98\x80\"");
  CHECK(json("abc", 4) == "needs 12");
  for (const char* wrong : {"\x80", "\xC0\x80", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80"})
    CHECK(json(wrong).empty());
}

}  // namespace consumer_test
