#include "tested_sink.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace redis_sink_test {

using namespace sluice::redis_sink::testing;

TEST_CASE("redis_sink: a subscriber receives each record with seq and weight") {
  real_redis server;
  listener who{server};
  running run{at(server)};
  REQUIRE(run.connected());
  run.push({{.key = 7, .text = "\"a\":1"},
            {.key = 7, .text = "\"a\":2", .weight = 2.5f},
            {.key = 9, .text = "\"b\":\"x\""}});
  REQUIRE(run.published(3));
  REQUIRE(hears(run, who, 3));
  CHECK(who.messages()[0] == listener::message{"ticker:unknown:7", "{\"a\":1,\"seq\":1}"});
  CHECK(who.messages()[1] ==
        listener::message{"ticker:unknown:7", "{\"a\":2,\"seq\":2,\"w\":2.5}"});
  CHECK(who.messages()[2] == listener::message{"ticker:unknown:9", "{\"b\":\"x\",\"seq\":1}"});
  CHECK(run.balanced());
  CHECK(run.metric("receivers") >= 1);
  CHECK(run.metric("written_bytes") > 0);
  CHECK(run.drain());
  CHECK(run.faults() == 0);
}

TEST_CASE("redis_sink: the channel follows a key's attributes") {
  real_redis server;
  listener who{server};
  running run{at(server) + "channel = 'md:{type}:{symbol}:{key}'"};
  REQUIRE(run.connected());
  run.attributes({"type", "symbol"}, {{7, {"options", "NIFTY"}}, {9, {"equity", ""}}});
  run.push(ticks(1, 7));
  run.push(ticks(1, 9));
  REQUIRE(run.published(2));
  run.attributes({"type"}, {{7, {"futures"}}});
  run.push(ticks(1, 7));
  REQUIRE(run.published(3));
  REQUIRE(hears(run, who, 3));
  CHECK(who.messages()[0].channel == "md:options:NIFTY:7");
  CHECK(who.messages()[1].channel == "md:equity:unknown:9");
  CHECK(who.messages()[2].channel == "md:futures:unknown:7");
}

TEST_CASE("redis_sink: raw publishes the payload, and needs no codec") {
  real_redis server;
  listener who{server};
  running run{at(server) + "format = 'raw'"};
  REQUIRE(run.connected());
  const std::string binary{"\0\r\n\xff$", 5};
  run.push({.key = 1, .text = binary, .schema = "other/1"});
  REQUIRE(run.published(1));
  REQUIRE(hears(run, who, 1));
  CHECK(who.messages()[0].text == binary);
}

TEST_CASE("redis_sink: what cannot be published is dropped for its reason, the rest is sent") {
  real_redis server;
  listener who{server};
  running run{at(server) + "message_max = 100"};
  REQUIRE(run.connected());
  run.push({{.key = 1, .text = "\"a\":1"},
            {.key = 1, .text = std::string(101, 'x')},
            {.key = 1, .text = "!"},
            {.key = 1, .text = "x", .schema = "other/1"},
            {.key = 1, .text = "x", .schema = "other/1"},
            {.key = 1, .text = "\"a\":2"}});
  REQUIRE(run.published(2));
  CHECK(run.count().dropped[SLUICE_DROP_OVERSIZE] == 1);
  CHECK(run.count().dropped[SLUICE_DROP_MALFORMED] == 3);
  CHECK(run.hears_of("codec_missing"));
  CHECK(run.times("codec_missing") == 1);
  CHECK(run.text_of("codec_missing").find("other/1") != std::string::npos);
  run.push({.key = 1, .text = "!"});
  CHECK(run.run_until([&] { return run.count().dropped[SLUICE_DROP_MALFORMED] == 4; }));
  CHECK(run.balanced());
  REQUIRE(hears(run, who, 2));
  CHECK(who.messages()[1].text == "{\"a\":2,\"seq\":6}");
}

TEST_CASE("redis_sink: TCP by name or number, database, client name") {
  const std::string port = std::to_string(free_port());
  real_redis server{{"--port", port, "--bind", "127.0.0.1"}};
  for (const char* host : {"127.0.0.1", "localhost"}) {
    CAPTURE(host);
    running run{"url = 'redis://" + std::string{host} + ":" + port + "/3'"};
    REQUIRE(run.connected());
    run.push(ticks(1));
    REQUIRE(run.published(1));
    const std::string clients = server.ask({"CLIENT", "LIST"});
    const auto name = clients.find("name=sluice:");
    REQUIRE(name != std::string::npos);
    CHECK(clients.find(" db=3 ", name) != std::string::npos);
    CHECK(run.drain());
  }
}

TEST_CASE("redis_sink: a refused database is an event") {
  real_redis server;
  running run{at(server) + "database = 99"};
  CHECK(run.hears_of("refused"));
  CHECK(run.text_of("refused").find("SELECT was answered ERR DB index") != std::string::npos);
  CHECK(run.metric("connected") == 0);
}

TEST_CASE("redis_sink: a wrong password waits for a new one, which is read anew") {
  real_redis server;
  const std::string file = server.folder().file("password");
  write(file, "wrong-password");
  server.ask({"CONFIG", "SET", "requirepass", "right-password"});
  running run{at(server) + "password = '${file:" + file + "}'\nrefused_delay = '50ms'"};
  run.push(ticks(2));
  CHECK(run.hears_of("refused"));
  CHECK(run.text_of("refused").find("AUTH was answered WRONGPASS") != std::string::npos);
  CHECK(run.count().published == 0);
  write(file, "right-password");
  REQUIRE(run.connected());
  REQUIRE(run.published(2));
  CHECK(run.balanced());
  CHECK(run.hears_of("connected"));
  for (const auto& each : run.logs()) CHECK(each.text.find("-password") == std::string::npos);
  for (const auto& each : run.told) CHECK(each.text.find("-password") == std::string::npos);
}

TEST_CASE("redis_sink: no password where one is asked for") {
  real_redis server;
  server.ask({"CONFIG", "SET", "requirepass", "x"});
  running run{at(server)};
  CHECK(run.hears_of("refused"));
  CHECK(run.text_of("refused").find("the server asks for a password") != std::string::npos);
}

TEST_CASE("redis_sink: user and password from the URL; what the user may not do is rejected") {
  real_redis server;
  server.ask({"ACL", "SETUSER", "joe", "on", ">p@w:1", "resetchannels", "&allowed:*", "+publish"});
  listener who{server};
  running run{"url = 'unix://joe:p%40w%3a1@" + server.socket() + "'\nchannel = 'allowed:{key}'"};
  REQUIRE(run.connected());
  run.push(ticks(1));
  REQUIRE(run.published(1));
  REQUIRE(hears(run, who, 1));

  running other{"url = 'unix://joe:p%40w%3a1@" + server.socket() + "'\nchannel = 'denied:{key}'"};
  REQUIRE(other.connected());
  for (int i = 0; i < 3; ++i) other.push(ticks(5));
  REQUIRE(other.run_until([&] { return other.count().failed == 15; }));
  CHECK(other.metric("errors_rejected") == 15);
  CHECK(other.hears_of("rejected"));
  CHECK(other.times("rejected") == 1);
  CHECK(
      other.text_of("rejected").starts_with("a configuration fault: PUBLISH was answered NOPERM"));
  CHECK(other.text_of("rejected").find("the user needs the command (+publish") !=
        std::string::npos);
  CHECK(other.balanced());
  CHECK(other.metric("connected") == 1);
}

TEST_CASE("redis_sink: never more batches in flight than the window") {
  real_redis server;
  listener who{server};
  running run{at(server) + "batch = 10\nwindow = 3\ntimeout = '10s'"};
  REQUIRE(run.connected());
  server.ask({"CLIENT", "PAUSE", "300", "ALL"});
  run.push(ticks(100));
  double most = 0;
  REQUIRE(run.run_until([&] {
    most = std::max(most, run.metric("in_flight_batches"));
    return run.count().published == 100;
  }));
  CHECK(most == 3);
  REQUIRE(hears(run, who, 100));
  for (std::size_t i = 0; i < 100; ++i)
    CHECK(who.messages()[i].text == "{\"a\":1,\"seq\":" + std::to_string(i + 1) + "}");
}

TEST_CASE("redis_sink: an adaptive window begins with one, and is never more than `window`") {
  real_redis server;
  running run{at(server) +
              "batch = 10\nwindow = 3\nwindow_control = 'adaptive'\ntimeout = '200ms'"};
  REQUIRE(run.connected());
  CHECK(run.metric("window") == 1);
  double most = 0;
  CHECK(run.run_until([&] {
    // However they ended: on a busy machine an answer may take longer than the timeout.
    if (run.count().held == 0) run.push(ticks(100));
    CHECK(run.metric("in_flight_batches") <= run.metric("window"));
    most = std::max(most, run.metric("window"));
    return most == 3;
  }));
  for (int i = 0; i < 10 && run.metric("window") > 1; ++i) {
    server.freeze();
    run.push(ticks(100));
    REQUIRE(run.hears_of("disconnected"));
    run.told.clear();
    server.thaw();
    REQUIRE(run.connected());
  }
  CHECK(run.metric("window") == 1);
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: live: window, batch, message_max and timeout, on the same connection") {
  real_redis server;
  running run{at(server) + "batch = 10\nwindow = 2\ntimeout = '10s'"};
  REQUIRE(run.connected());
  tested_sink& sink = *tested_sink::last;
  auto with = sink.given;
  with.batch = 20;
  with.window = 4;
  with.message_max.bytes = 64;
  sink.reconfigure(with);
  run.push(input{.key = 7, .text = "\"a\":" + std::string(100, '1')});
  CHECK(run.count().dropped[SLUICE_DROP_OVERSIZE] == 1);

  server.freeze();
  run.push(ticks(200));
  CHECK(run.run_until([&] { return run.metric("in_flight_batches") == 4; }));
  with.timeout = 200ms;  // of what is in flight, too
  sink.reconfigure(with);
  REQUIRE(run.hears_of("disconnected"));
  CHECK(run.text_of("disconnected").find("no reply within 200 ms") != std::string::npos);
  CHECK(run.count().unknown == 80);
  server.thaw();
  CHECK(run.published(120));
  CHECK(run.metric("reconnects") == 1);
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: a message that fills the socket goes out in pieces") {
  real_redis server;
  listener who{server};
  running run{at(server) + "message_max = '4MiB'\nbatch = 4\ntimeout = '60s'"};
  REQUIRE(run.connected());
  const std::string large = "\"a\":\"" + std::string(3'000'000, 'x') + "\"";
  run.push(std::vector<input>(5, input{.key = 1, .text = large}));
  REQUIRE(run.published(5));
  REQUIRE(hears(run, who, 5));
  CHECK(who.messages()[4].text == "{" + large + ",\"seq\":5}");
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: drain waits for what is in flight") {
  real_redis server;
  running run{at(server)};
  REQUIRE(run.connected());
  server.ask({"CLIENT", "PAUSE", "200", "ALL"});
  run.push(ticks(50));
  CHECK(run.count().published == 0);
  CHECK(run.drain());
  CHECK(run.count().published == 50);
  CHECK(run.metric("connected") == 0);
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: settings that cannot work are refused, without their secrets") {
  const struct {
    const char *settings, *message;
  } table[] = {
      {"url = 'redis://me:hidden@h:x'", "url: the port is not a number"},
      {"url = 'redis://me@h'", "url: there is a user but no password"},
      {"user = 'me'", "user: there is a user but no password"},
      {"sentinel_user = 'me'", "sentinel_user: there is a user but no sentinel_password"},
      {"sentinel_password = 'p'", "sentinel_password: is of no use without sentinels"},
      {"channel = '{key}'", "channel: does not begin with literal text"},
      {"channel = 'a:{key'", "channel: has a '{' that is not closed"},
      {"backoff_min = '2s'", "backoff_min: is more than backoff_max"},
      {"tls_ca_file = '/x'", "tls_ca_file: is of no use without TLS"},
      {"url = 'rediss://h'\ntls_cert_file = '/x'", "tls_cert_file: needs the other"},
      {"url = 'rediss://h'\ntls_ca_file = '/nowhere'", "tls_ca_file /nowhere: "},
      {"batch = 257", "batch: "},
      {"window = 1", "window: "},
      {"window = 9", "window: "},
      {"format = 'xml'", "format: "},
      {"attributes = ['type']", "attributes: are fields of a stream's entries"},
      {"mode = 'stream'\ngroup = 'channel'\nattributes = ['type']",
       "attributes: an entry of a group"},
      {"mode = 'stream'\nattributes = ['type', 'key']", "attributes: has key, a field"},
      {"mode = 'both'\nattributes = ['schema']", "attributes: has schema, a field"},
      {"mode = 'both'\nattributes = ['data']", "attributes: has data, a field"},
      {"mode = 'stream'\nattributes = ['']", "attributes: has an empty name"},
      {"mode = 'stream'\nattributes = ['a', 'b', 'a']", "attributes: has a twice"},
      {"url = 'redis+cluster://h'\nreader_check = '1s'", "reader_check: a cluster's is 0"},
  };
  for (const auto& row : table) {
    CAPTURE(row.settings);
    std::string message;
    try {
      running{row.settings};
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CAPTURE(message);
    CHECK(message.find(row.message) != std::string::npos);
    CHECK(message.find("hidden") == std::string::npos);
  }
}

TEST_CASE("redis_sink: the requirement's environment variables") {
  real_redis server;
  auto with = real_time();
  with.environment = {{"REDIS_URL", "unix://" + server.socket()},
                      {"REDIS_BATCH_SIZE", "100"},
                      {"REDIS_BATCH_INTERVAL", "0.1"},
                      {"REDIS_PUBLISH_TIMEOUT", "1.0"}};
  harness run{sluice::plugin_of<tested_sink>, "batch = 5", with};
  CHECK(run.run_until([&] { return run.metric("connected") == 1; }));
}

}  // namespace redis_sink_test
