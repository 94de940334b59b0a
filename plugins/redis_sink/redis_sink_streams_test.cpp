#include "tested_sink.hpp"

#include <doctest/doctest.h>

#include <string>

namespace redis_sink_streams_test {

using namespace sluice::redis_sink::testing;

TEST_CASE("redis_sink: a stream keeps the newest entries, each a message") {
  real_redis server;
  server.ask({"CONFIG", "SET", "stream-node-max-entries", "10"});
  running run{at(server) + "mode = 'stream'\nchannel = 'ticks:{type}'\nstream_length = 50"};
  REQUIRE(run.connected());
  for (int i = 0; i < 3; ++i) run.push(ticks(100));
  REQUIRE(run.published(300));
  CHECK(run.balanced());
  const auto script = [&](const std::string& text) { return server.ask({"EVAL", text, "0"}); };
  const int length = std::stoi(script("return tostring(redis.call('XLEN', 'ticks:unknown'))"));
  CHECK(length >= 50);
  CHECK(length < 60);
  CHECK(script("local e = redis.call('XREVRANGE', 'ticks:unknown', '+', '-', 'COUNT', 1)[1][2] "
               "return table.concat(e, ' ')") == "key 7 data {\"a\":1,\"seq\":300}");
}

TEST_CASE("redis_sink: a raw entry says what its payload is about, and of what schema it is") {
  real_redis server;
  running run{at(server) + "mode = 'stream'\nchannel = 'ticks'\nformat = 'raw'"};
  REQUIRE(run.connected());
  run.push({{.key = 256265, .text = "a", .schema = "test/1"},
            {.key = 256265, .text = "b", .schema = "bars/2"},
            {.key = 18446744073709551615u, .text = "c", .schema = "test/1"},
            {.key = 256265, .text = "d", .schema = "test/1"}});
  REQUIRE(run.published(4));
  CHECK(server.ask({"EVAL",
                    "local all = '' "
                    "for _, e in ipairs(redis.call('XRANGE', 'ticks', '-', '+')) do "
                    "all = all .. table.concat(e[2], ' ') .. '|' end return all",
                    "0"}) ==
        "key 256265 schema test/1 data a|key 256265 schema bars/2 data b|"
        "key 18446744073709551615 schema test/1 data c|key 256265 schema test/1 data d|");
}

TEST_CASE("redis_sink: an entry has the attributes of its key that are asked for") {
  real_redis server;
  running run{at(server) +
              "mode = 'both'\nchannel = 'ticks'\nattributes = ['symbol', 'type', 'strike']"};
  REQUIRE(run.connected());
  run.attributes({"type", "symbol", "name"},
                 {{7, {"equity", "INFY", "INFOSYS"}}, {9, {"futures", "", "NIFTY"}}});
  const auto one_of_each = [&] {
    run.push({{.key = 7, .text = "\"a\":1"},
              {.key = 8, .text = "\"a\":2"},
              {.key = 9, .text = "\"a\":3"}});
  };
  const auto entries = [&] {
    return server.ask({"EVAL",
                       "local all = '' "
                       "for _, e in ipairs(redis.call('XRANGE', 'ticks', '-', '+')) do "
                       "all = all .. table.concat(e[2], ' ') .. '|' end "
                       "redis.call('DEL', 'ticks') return all",
                       "0"});
  };
  one_of_each();
  REQUIRE(run.published(3));
  CHECK(entries() ==
        "key 7 symbol INFY type equity data {\"a\":1,\"seq\":1}|"
        "key 8 data {\"a\":2,\"seq\":1}|"
        "key 9 type futures data {\"a\":3,\"seq\":1}|");
  run.attributes({"type"}, {{8, {"options"}}});
  one_of_each();
  REQUIRE(run.published(6));
  CHECK(entries() ==
        "key 7 data {\"a\":1,\"seq\":2}|"
        "key 8 type options data {\"a\":2,\"seq\":2}|"
        "key 9 data {\"a\":3,\"seq\":2}|");
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: streams refused: out of memory is busy, another type is a wrong setting") {
  real_redis server;
  server.ask({"SET", "taken", "x"});
  running wrong{at(server) + "mode = 'stream'\nchannel = 'taken'"};
  REQUIRE(wrong.connected());
  wrong.push(ticks(3));
  REQUIRE(wrong.run_until([&] { return wrong.count().failed == 3; }));
  CHECK(wrong.metric("errors_rejected") == 3);
  CHECK(wrong.hears_of("rejected"));
  CHECK(
      wrong.text_of("rejected").starts_with("a configuration fault: XADD was answered WRONGTYPE"));

  running full{at(server) + "mode = 'stream'\nchannel = 'ticks'"};
  REQUIRE(full.connected());
  server.ask({"CONFIG", "SET", "maxmemory", "1"});
  full.push(ticks(3));
  REQUIRE(full.run_until([&] { return full.count().failed == 3; }));
  CHECK(full.metric("errors_busy") == 3);
  CHECK(full.hears_of("busy"));
  CHECK(full.text_of("busy").starts_with("XADD was answered OOM"));
  server.ask({"CONFIG", "SET", "maxmemory", "0"});
  full.push(ticks(3));
  CHECK(full.published(3));
  CHECK(full.metric("reconnects") == 0);
}

TEST_CASE("redis_sink: both: to the channel and to the stream, with the newest value of each key") {
  real_redis server;
  listener who{server};
  running run{at(server) + "mode = 'both'\nlast_value = 'last:{key}'"};
  REQUIRE(run.connected());
  const auto text = [](int n) { return "\"a\":" + std::to_string(n); };
  run.push({{.key = 7, .text = text(1)}, {.key = 9, .text = text(2)}, {.key = 7, .text = text(3)}});
  REQUIRE(run.published(3));
  REQUIRE(hears(run, who, 3));
  CHECK(who.messages()[2] == listener::message{"ticker:unknown:7", "{\"a\":3,\"seq\":2}"});
  CHECK(server.ask({"GET", "last:7"}) == "{\"a\":3,\"seq\":2}");
  CHECK(server.ask({"GET", "last:9"}) == "{\"a\":2,\"seq\":1}");
  CHECK(server.ask({"EVAL", "return tostring(redis.call('XLEN', 'ticker:unknown:7'))", "0"}) ==
        "2");
  const std::string stats = server.ask({"INFO", "commandstats"});
  CHECK(stats.find("cmdstat_set:calls=2,") != std::string::npos);  // not for what is not the newest

  // What is published but not kept is not done.
  server.ask({"CONFIG", "SET", "maxmemory", "1"});
  run.push(ticks(4));
  REQUIRE(run.run_until([&] { return run.count().failed == 4; }));
  CHECK(hears(run, who, 7));
  CHECK(run.hears_of("busy"));
  CHECK(run.text_of("busy").starts_with("PUBLISH or XADD or SET was answered OOM"));
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: a group is the records of a batch that share a channel, an array") {
  real_redis server;
  listener who{server};
  running run{at(server) +
              "group = 'channel'\nchannel = 't:{type}'\nlast_value = 'last:{key}'\n"
              "mode = 'both'\nmessage_max = 100"};
  REQUIRE(run.connected());
  run.attributes({"type"}, {{7, {"equity"}}, {8, {"equity"}}, {9, {"options"}}});
  run.push({{.key = 7, .text = "\"a\":1"},
            {.key = 9, .text = "\"a\":2"},
            {.key = 8, .text = "\"a\":3"},
            {.key = 8, .text = "!"},
            {.key = 7, .text = std::string(101, 'x')},
            {.key = 7, .text = "\"a\":4"}});
  REQUIRE(run.published(4));
  // What is too large for any message ends the one that it came to.
  REQUIRE(hears(run, who, 3));
  CHECK(who.messages()[0] ==
        listener::message{"t:equity", "[{\"a\":1,\"seq\":1},{\"a\":3,\"seq\":1}]"});
  CHECK(who.messages()[1] == listener::message{"t:equity", "[{\"a\":4,\"seq\":3}]"});
  CHECK(who.messages()[2] == listener::message{"t:options", "[{\"a\":2,\"seq\":1}]"});
  CHECK(run.count().dropped[SLUICE_DROP_MALFORMED] == 1);
  CHECK(run.count().dropped[SLUICE_DROP_OVERSIZE] == 1);
  CHECK(server.ask({"GET", "last:7"}) == "{\"a\":4,\"seq\":3}");
  CHECK(server.ask({"GET", "last:9"}) == "{\"a\":2,\"seq\":1}");
  CHECK(server.ask({"EVAL", "return tostring(redis.call('XLEN', 't:equity'))", "0"}) == "2");

  // As many as message_max holds, in order: five of 15 to 17 bytes with commas and brackets.
  run.push(ticks(12, 7));
  REQUIRE(run.published(16));
  REQUIRE(hears(run, who, 6));
  std::string all;
  for (std::size_t i = 3; i < who.messages().size(); ++i) {
    CHECK(who.messages()[i].text.size() <= 100);
    all += who.messages()[i].text;
  }
  for (int seq = 4, from = 0; seq < 16; ++seq) {
    const auto found = all.find("\"seq\":" + std::to_string(seq) + "}", from);
    REQUIRE(found != std::string::npos);
    from = static_cast<int>(found);
  }
  run.push({{.key = 7, .text = "!"}, {.key = 8, .text = "!"}});
  CHECK(run.run_until([&] { return run.count().dropped[SLUICE_DROP_MALFORMED] == 3; }));
  CHECK(run.balanced());
  CHECK(run.drain());
}

}  // namespace redis_sink_streams_test
