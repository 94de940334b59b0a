#include "redis_sink.hpp"

#include <redis/real_redis.hpp>

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace sluice::redis::testing;
using sluice::testing::harness;
using sluice::testing::input;

namespace {

/// Members are the payload as it is; a payload that begins with '!' is malformed.
const sluice_codec echo{sizeof(sluice_codec), 64, sluice::borrow("test/1"),
                        [](const sluice_record* of, char* out, std::uint64_t capacity) {
                          if (of->size <= capacity) std::copy_n(of->data, of->size, out);
                          return of->data[0] == '!' ? std::uint64_t{0} : std::uint64_t{of->size};
                        },
                        [](const sluice_record*, sluice_str, sluice_scalar* out) {
                          *out = {};
                          return sluice_status{SLUICE_OK};
                        }};

/// The sink with a codec beside it, as a source would bring one.
struct tested_sink : sluice::redis_sink::sink {
  tested_sink(const config& settings, sluice::host host) : sink{settings, host}, given{settings} {
    last = this;
  }
  static constexpr std::array codecs{&echo};
  config given;
  static inline tested_sink* last = nullptr;
};

constexpr auto patience = 10s;

sluice::testing::options real_time() {
  sluice::testing::options made;
  made.real_time = true;
  return made;
}

struct running : harness {
  explicit running(const std::string& settings)
      : harness{sluice::plugin_of<tested_sink>, settings, real_time()} {}

  bool connected() {
    return run_until([this] { return metric("connected") == 1; }, patience);
  }
  bool published(std::uint64_t count_wanted) {
    return run_until([&] { return count().published == count_wanted; }, patience);
  }
  /// Waits for an event of this kind; all others that came are kept in `told`.
  bool hears_of(const std::string& kind) {
    return run_until(
        [&] {
          for (auto& each : events()) told.push_back(std::move(each));
          return std::any_of(told.begin(), told.end(),
                             [&](const auto& each) { return each.kind == kind; });
        },
        patience);
  }
  std::string text_of(const std::string& kind) const {
    for (const auto& each : told)
      if (each.kind == kind) return each.text;
    return "";
  }
  std::size_t times(const std::string& kind) const {
    return static_cast<std::size_t>(std::count_if(
        told.begin(), told.end(), [&](const auto& each) { return each.kind == kind; }));
  }
  std::vector<sluice::testing::message> told;
};

std::string at(const real_redis& server) { return "url = 'unix://" + server.socket() + "'\n"; }

bool hears(running& run, listener& who, std::size_t count) {
  return run.run_until([&] { return who.messages().size() >= count; }, patience);
}

std::vector<input> ticks(std::size_t count, std::uint64_t key = 7) {
  return std::vector<input>(count, input{.key = key, .text = "\"a\":1"});
}

void write(const std::string& file, const std::string& text) {
  std::ofstream{file + ".new"} << text;
  std::filesystem::rename(file + ".new", file);
}

}  // namespace

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
  CHECK(run.run_until([&] { return run.count().dropped[SLUICE_DROP_MALFORMED] == 4; }, patience));
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
  REQUIRE(other.run_until([&] { return other.count().failed == 15; }, patience));
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

TEST_CASE("redis_sink: a busy server fails what it refuses and the connection stays") {
  real_redis server{{"--busy-reply-threshold", "1"}};
  running run{at(server)};
  REQUIRE(run.connected());
  const context_ptr script = server.begin_script("while true do end");
  REQUIRE(run.run_until(
      [&] {
        run.push(ticks(1));
        return run.count().failed > 0;
      },
      patience));
  CHECK(run.metric("errors_busy") > 0);
  CHECK(run.hears_of("busy"));
  CHECK(run.times("busy") == 1);
  CHECK(run.times("rejected") == 0);
  CHECK(run.text_of("busy").starts_with("PUBLISH was answered BUSY"));
  CHECK(server.ask({"SCRIPT", "KILL"}) == "OK");
  CHECK(run.run_until(
      [&] {
        run.push(ticks(1));
        return run.count().published > 0;
      },
      patience));
  CHECK(run.metric("reconnects") == 0);
  CHECK(run.balanced());
}

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

TEST_CASE("redis_sink: streams refused: out of memory is busy, another type is a wrong setting") {
  real_redis server;
  server.ask({"SET", "taken", "x"});
  running wrong{at(server) + "mode = 'stream'\nchannel = 'taken'"};
  REQUIRE(wrong.connected());
  wrong.push(ticks(3));
  REQUIRE(wrong.run_until([&] { return wrong.count().failed == 3; }, patience));
  CHECK(wrong.metric("errors_rejected") == 3);
  CHECK(wrong.hears_of("rejected"));
  CHECK(
      wrong.text_of("rejected").starts_with("a configuration fault: XADD was answered WRONGTYPE"));

  running full{at(server) + "mode = 'stream'\nchannel = 'ticks'"};
  REQUIRE(full.connected());
  server.ask({"CONFIG", "SET", "maxmemory", "1"});
  full.push(ticks(3));
  REQUIRE(full.run_until([&] { return full.count().failed == 3; }, patience));
  CHECK(full.metric("errors_busy") == 3);
  CHECK(full.hears_of("busy"));
  CHECK(full.text_of("busy").starts_with("XADD was answered OOM"));
  server.ask({"CONFIG", "SET", "maxmemory", "0"});
  full.push(ticks(3));
  CHECK(full.published(3));
  CHECK(full.metric("reconnects") == 0);
}

TEST_CASE("redis_sink: a cluster whose only node serves half of the slots") {
  std::uint16_t port = free_port();
  while (port > 55'535) port = free_port();  // its bus listens 10,000 above
  real_redis server{{"--port", std::to_string(port), "--bind", "127.0.0.1", "--cluster-enabled",
                     "yes", "--cluster-require-full-coverage", "no"}};
  // A seed that is never there is nobody's owner, and not missed.
  running run{"url = 'redis+cluster://127.0.0.1:" + std::to_string(port) +
              ",127.0.0.1:1'\nsharded = 'no'\n"};
  run.push(ticks(1, 1));
  CHECK(run.hears_of("cluster"));
  CHECK(run.text_of("cluster").find("with 0 masters that serve slots") != std::string::npos);
  CHECK(run.count().published == 0);

  listener who{server};
  server.ask({"CLUSTER", "ADDSLOTSRANGE", "0", "8191"});
  REQUIRE(run.connected());
  std::vector<input> of_all;
  for (std::uint64_t key = 1; key <= 100; ++key) of_all.push_back({.key = key, .text = "\"a\":1"});
  run.push(of_all);
  REQUIRE(run.run_until(
      [&] { return run.count().published + run.count().dropped[SLUICE_DROP_CIRCUIT_OPEN] == 101; },
      patience));
  CHECK(run.count().published > 20);
  CHECK(run.count().dropped[SLUICE_DROP_CIRCUIT_OPEN] > 20);
  CHECK(run.balanced());
  CHECK(hears(run, who, run.count().published));

  // All lost at once: the map that is told again is the one that it has.
  const auto before = run.count();
  server.kill();
  CHECK(run.hears_of("disconnected"));
  CHECK(run.run_until([&] { return run.metric("connect_failures") > 0; }, patience));
  server.start();
  REQUIRE(run.connected());
  run.push(of_all);
  CHECK(run.run_until(
      [&] { return run.count().published >= before.published + 20 && run.balanced(); }, patience));
  CHECK(run.metric("connected") == 1);
  CHECK(run.drain());
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
  REQUIRE(run.run_until([&] { return run.count().failed == 4; }, patience));
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
  CHECK(run.run_until([&] { return run.count().dropped[SLUICE_DROP_MALFORMED] == 3; }, patience));
  CHECK(run.balanced());
  CHECK(run.drain());
}

TEST_CASE("redis_sink: what comes before a server is there is kept and sent then") {
  real_redis server;
  server.kill();
  running run{at(server)};
  run.push(ticks(250));
  CHECK(run.hears_of("unreachable"));
  CHECK(run.run_until([&] { return run.metric("connect_failures") >= 3; }, patience));
  CHECK(run.times("unreachable") == 1);
  CHECK(run.count().published == 0);
  CHECK(run.count().failed == 0);
  server.start();
  REQUIRE(run.published(250));
  CHECK(run.count().unknown == 0);
  CHECK(run.metric("reconnects") == 0);
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: killed and restarted, it goes on by itself") {
  real_redis server;
  running run{at(server)};
  REQUIRE(run.connected());
  run.push(ticks(10));
  REQUIRE(run.published(10));
  for (int round = 1; round <= 3; ++round) {
    server.kill();
    CHECK(run.hears_of("disconnected"));
    run.told.clear();
    run.push(ticks(10));
    server.start();
    REQUIRE(run.run_until([&] { return run.metric("reconnects") == round; }, patience));
    CHECK(run.run_until(
        [&] { return run.count().published + run.count().unknown == 10u + 10u * round; },
        patience));
  }
  CHECK(run.balanced());
  CHECK(run.drain());
}

TEST_CASE("redis_sink: a lost connection is ended before the next one publishes, or it is said") {
  real_redis server;
  server.ask({"ACL", "SETUSER", "weak", "on", ">pw", "allchannels", "+publish", "+ping"});
  const std::string times = "timeout = '200ms'\nconnect_timeout = '200ms'\n";
  const auto lose = [&](running& run) {
    REQUIRE(run.connected());
    run.told.clear();
    server.freeze();
    run.push(ticks(1));
    REQUIRE(run.hears_of("disconnected"));
    server.thaw();
    REQUIRE(run.connected());
  };
  const auto kills = [&] {
    const std::string stats = server.ask({"INFO", "commandstats"});
    const auto at = stats.find("cmdstat_client|kill:calls=");
    return at == std::string::npos ? 0 : std::stoi(stats.substr(at + 26));
  };
  running run{at(server) + times};
  lose(run);
  CHECK(kills() >= 1);
  CHECK(run.hears_of("connected"));
  CHECK(run.times("order") == 0);

  running weak{"url = 'unix://weak:pw@" + server.socket() + "'\n" + times};
  lose(weak);
  CHECK(weak.hears_of("order"));
  CHECK(weak.text_of("order").find("CLIENT INFO") != std::string::npos);
  CHECK(weak.hears_of("connected"));
  lose(weak);
  CHECK(weak.hears_of("connected"));
  CHECK(weak.times("order") == 0);  // once is enough
  CHECK(weak.run_until([&] { return weak.count().unknown == 2; }, patience));
}

TEST_CASE("redis_sink: what is unanswered at a swap is handed over by its connection's mark") {
  real_redis server;
  running run{at(server) + "timeout = '10s'"};
  REQUIRE(run.connected());
  const std::vector<std::uint8_t> nothing(4, 0);
  CHECK(run.state() == nothing);
  run.push(ticks(10));
  REQUIRE(run.published(10));
  CHECK(run.state() == nothing);
  run.swap(sluice::plugin_of<tested_sink>, at(server));
  REQUIRE(run.connected());
  run.push(ticks(10));
  REQUIRE(run.published(20));

  server.freeze();
  run.push(ticks(10));
  const auto state = run.state();
  const std::string text{state.begin(), state.end()};
  CHECK(state[0] == 1);
  CHECK(text.find(server.socket()) != std::string::npos);
  server.thaw();
  REQUIRE(run.published(30));
  CHECK(run.state() == nothing);
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: a frozen server: unknown after the timeout, never sent again") {
  real_redis server;
  listener who{server};
  running run{at(server) + "timeout = '500ms'\nconnect_timeout = '500ms'\ninterval = '5ms'"};
  REQUIRE(run.connected());
  run.push(ticks(10));
  REQUIRE(run.published(10));
  server.freeze();
  run.push(ticks(300));
  REQUIRE(run.hears_of("disconnected"));
  CHECK(run.text_of("disconnected").find("no reply within 500 ms") != std::string::npos);
  const auto lost = run.count().unknown;
  CHECK(lost >= 100);
  CHECK(lost <= 300);
  CHECK(run.metric("timeouts") == 1);
  CHECK(run.metric("errors_timeout") == static_cast<double>(lost));
  CHECK(run.run_until([&] { return run.metric("connect_failures") >= 2; }, patience));
  server.thaw();
  REQUIRE(run.run_until(
      [&] { return run.count().published + run.count().unknown == 310 && run.balanced(); },
      patience));
  CHECK(run.count().unknown == lost);
  run.push(ticks(10));
  // Redis may have read from its socket what is unknown: all came at most once, and in order.
  std::uint64_t last = 0;
  CHECK(run.run_until(
      [&] {
        const auto& all = who.messages();
        return !all.empty() && all.back().text == "{\"a\":1,\"seq\":320}";
      },
      patience));
  CHECK(who.messages().size() >= 320 - lost);
  for (const auto& each : who.messages()) {
    const std::uint64_t seq = std::stoull(each.text.substr(each.text.find("\"seq\":") + 6));
    CHECK(seq > last);
    last = seq;
  }
}

TEST_CASE("redis_sink: at_least_once: what a frozen server did not answer goes again, and ends") {
  real_redis server;
  listener who{server};
  running run{at(server) +
              "retry = 'at_least_once'\ntimeout = '200ms'\nconnect_timeout = '200ms'\n"
              "interval = '5ms'\nmode = 'both'"};
  REQUIRE(run.connected());
  run.push(ticks(10));
  REQUIRE(run.published(10));
  server.freeze();
  run.push(ticks(300));
  REQUIRE(run.hears_of("disconnected"));
  CHECK(run.text_of("disconnected").find("to be sent again") != std::string::npos);
  CHECK(run.count().unknown == 0);
  CHECK(run.balanced());
  REQUIRE(run.run_until([&] { return run.metric("connect_failures") >= 1; }, patience));
  server.thaw();
  REQUIRE(run.published(310));
  CHECK(run.count().unknown == 0);
  CHECK(run.balanced());
  const double again = run.metric("sent_again");
  CHECK(again >= 100);
  CHECK(again <= 300);
  // Each came, in order, and none twice but of those.
  std::vector<std::uint64_t> first;
  REQUIRE(run.run_until(
      [&] {
        return !who.messages().empty() && who.messages().back().text == "{\"a\":1,\"seq\":310}";
      },
      patience));
  for (const auto& each : who.messages()) {
    const std::uint64_t seq = std::stoull(each.text.substr(each.text.find("\"seq\":") + 6));
    if (first.empty() || seq == first.back() + 1) first.push_back(seq);
    CHECK(seq <= first.back());
  }
  CHECK(first.size() == 310);
  CHECK(static_cast<double>(who.messages().size() - first.size()) <= again);

  server.freeze();
  run.push(ticks(10));
  REQUIRE(run.run_until([&] { return run.metric("timeouts") == 2; }, patience));
  CHECK_FALSE(run.drain(500ms));
  CHECK(run.count().unknown == 10);
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: a subscriber that does not read is seen before Redis cuts it") {
  real_redis server{{"--client-output-buffer-limit", "pubsub", "64000000", "0", "0"}};
  running run{at(server) + "reader_check = '20ms'"};
  REQUIRE(run.connected());
  listener idle{server};  // reads when it is asked for messages
  const std::string large = "\"a\":\"" + std::string(50'000, 'x') + "\"";
  std::uint64_t pushed = 0;
  REQUIRE(run.run_until(
      [&] {
        if (run.count().published == pushed) {
          run.push(std::vector<input>(10, input{.key = 1, .text = large}));
          pushed += 10;
        }
        return !run.signals().empty();
      },
      patience));
  CHECK(run.signals()[0].name == "reader_buffer");
  CHECK(run.signals()[0].level == sluice::level::warning);
  CHECK(run.signals()[0].cause.find("and cuts it at 64000000") != std::string::npos);
  CHECK(run.metric("reader_buffer_bytes") > 32'000'000);
  CHECK(run.metric("reader_buffer_bytes") < 64'000'000);
  CHECK(run.hears_of("reader_slow"));
  // It is no longer slow when it has read all.
  REQUIRE(run.run_until([&] { return idle.messages().size() == pushed && run.signals().empty(); },
                        patience));
  CHECK(run.run_until([&] { return run.metric("reader_buffer_bytes") == 0; }, patience));
  CHECK(run.times("reader_slow") == 1);
  CHECK(run.metric("reconnects") == 0);
  CHECK(run.drain());
}

TEST_CASE("redis_sink: who may not list clients is told so, and publishes") {
  real_redis server;
  server.ask({"ACL", "SETUSER", "weak", "on", ">pw", "allchannels", "+publish", "+ping"});
  running run{"url = 'unix://weak:pw@" + server.socket() + "'\nreader_check = '20ms'"};
  REQUIRE(run.connected());
  REQUIRE(run.hears_of("reader_check"));
  CHECK(run.text_of("reader_check").find("NOPERM") != std::string::npos);
  run.push(ticks(5));
  CHECK(run.published(5));
  CHECK(run.metric("reconnects") == 0);
}

TEST_CASE("redis_sink: an idle connection to a frozen server is noticed by its ping") {
  real_redis server;
  running run{at(server) + "timeout = '500ms'\nping_interval = '50ms'"};
  REQUIRE(run.connected());
  run.run_until([] { return false; }, 300ms);
  CHECK(run.metric("connected") == 1);
  server.freeze();
  CHECK(run.hears_of("disconnected"));
  CHECK(run.count().unknown == 0);
  server.thaw();
  CHECK(run.connected());
}

TEST_CASE("redis_sink: never more batches in flight than the window") {
  real_redis server;
  listener who{server};
  running run{at(server) + "batch = 10\nwindow = 3\ntimeout = '10s'"};
  REQUIRE(run.connected());
  server.ask({"CLIENT", "PAUSE", "300", "ALL"});
  run.push(ticks(100));
  double most = 0;
  REQUIRE(run.run_until(
      [&] {
        most = std::max(most, run.metric("in_flight_batches"));
        return run.count().published == 100;
      },
      patience));
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
  std::uint64_t pushed = 0;
  CHECK(run.run_until(
      [&] {
        if (run.count().published == pushed) {
          run.push(ticks(100));
          pushed += 100;
        }
        CHECK(run.metric("in_flight_batches") <= run.metric("window"));
        most = std::max(most, run.metric("window"));
        return most == 3;
      },
      patience));
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
  CHECK(run.run_until([&] { return run.metric("in_flight_batches") == 4; }, patience));
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
  running run{at(server) + "message_max = '4MiB'\nbatch = 4"};
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
      {"url = 'redis+cluster://h'\nreader_check = '1s'", "reader_check: a cluster's is 0"},
      {"url = 'redis+cluster://h'\nretry = 'at_least_once'", "retry: a cluster's is none"},
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
  CHECK(run.run_until([&] { return run.metric("connected") == 1; }, patience));
}
