#include "tested_sink.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace redis_sink_faults_test {

using namespace sluice::redis_sink::testing;

TEST_CASE("redis_sink: a busy server fails what it refuses and the connection stays") {
  real_redis server{{"--busy-reply-threshold", "1"}};
  running run{at(server)};
  REQUIRE(run.connected());
  const context_ptr script = server.begin_script("while true do end");
  REQUIRE(run.run_until([&] {
    run.push(ticks(1));
    return run.count().failed > 0;
  }));
  CHECK(run.metric("errors_busy") > 0);
  CHECK(run.hears_of("busy"));
  CHECK(run.times("busy") == 1);
  CHECK(run.times("rejected") == 0);
  CHECK(run.text_of("busy").starts_with("PUBLISH was answered BUSY"));
  CHECK(server.ask({"SCRIPT", "KILL"}) == "OK");
  CHECK(run.run_until([&] {
    run.push(ticks(1));
    return run.count().published > 0;
  }));
  CHECK(run.metric("reconnects") == 0);
  CHECK(run.balanced());
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
  REQUIRE(run.run_until([&] {
    return run.count().published + run.count().dropped[SLUICE_DROP_CIRCUIT_OPEN] == 101;
  }));
  CHECK(run.count().published > 20);
  CHECK(run.count().dropped[SLUICE_DROP_CIRCUIT_OPEN] > 20);
  CHECK(run.balanced());
  CHECK(hears(run, who, run.count().published));

  // All lost at once: the map that is told again is the one that it has.
  const auto before = run.count();
  server.kill();
  CHECK(run.hears_of("disconnected"));
  CHECK(run.run_until([&] { return run.metric("connect_failures") > 0; }));
  server.start();
  REQUIRE(run.connected());
  run.push(of_all);
  CHECK(run.run_until(
      [&] { return run.count().published >= before.published + 20 && run.balanced(); }));
  CHECK(run.metric("connected") == 1);
  CHECK(run.drain());
}

TEST_CASE("redis_sink: what comes before a server is there is kept and sent then") {
  real_redis server;
  server.kill();
  running run{at(server)};
  run.push(ticks(250));
  CHECK(run.hears_of("unreachable"));
  CHECK(run.run_until([&] { return run.metric("connect_failures") >= 3; }));
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
    REQUIRE(run.run_until([&] { return run.metric("reconnects") == round; }));
    CHECK(run.run_until(
        [&] { return run.count().published + run.count().unknown == 10u + 10u * round; }));
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
  CHECK(weak.run_until([&] { return weak.count().unknown == 2; }));
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
  CHECK(run.run_until([&] { return run.metric("connect_failures") >= 2; }));
  server.thaw();
  REQUIRE(run.run_until(
      [&] { return run.count().published + run.count().unknown == 310 && run.balanced(); }));
  CHECK(run.count().unknown == lost);
  run.push(ticks(10));
  // Redis may have read from its socket what is unknown: all came at most once, and in order.
  std::uint64_t last = 0;
  CHECK(run.run_until([&] {
    const auto& all = who.messages();
    return !all.empty() && all.back().text == "{\"a\":1,\"seq\":320}";
  }));
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
  REQUIRE(run.run_until([&] { return run.metric("connect_failures") >= 1; }));
  server.thaw();
  REQUIRE(run.published(310));
  CHECK(run.count().unknown == 0);
  CHECK(run.balanced());
  const double again = run.metric("sent_again");
  CHECK(again >= 100);
  CHECK(again <= 300);
  // Each came, in order, and none twice but of those.
  std::vector<std::uint64_t> first;
  REQUIRE(run.run_until([&] {
    return !who.messages().empty() && who.messages().back().text == "{\"a\":1,\"seq\":310}";
  }));
  for (const auto& each : who.messages()) {
    const std::uint64_t seq = std::stoull(each.text.substr(each.text.find("\"seq\":") + 6));
    if (first.empty() || seq == first.back() + 1) first.push_back(seq);
    CHECK(seq <= first.back());
  }
  CHECK(first.size() == 310);
  CHECK(static_cast<double>(who.messages().size() - first.size()) <= again);

  server.freeze();
  run.push(ticks(10));
  REQUIRE(run.run_until([&] { return run.metric("timeouts") == 2; }));
  CHECK_FALSE(run.drain(500ms));
  CHECK(run.count().unknown == 10);
  CHECK(run.balanced());
}

TEST_CASE("redis_sink: a subscriber that does not read is seen before Redis cuts it") {
  real_redis server{{"--client-output-buffer-limit", "pubsub", "64000000", "0", "0"}};
  running run{at(server) + "reader_check = '20ms'\ntimeout = '60s'"};
  REQUIRE(run.connected());
  listener idle{server};  // reads when it is asked for messages
  const std::string large = "\"a\":\"" + std::string(50'000, 'x') + "\"";
  std::uint64_t pushed = 0;
  REQUIRE(run.run_until([&] {
    if (run.count().published == pushed) {
      run.push(std::vector<input>(10, input{.key = 1, .text = large}));
      pushed += 10;
    }
    return !run.signals().empty();
  }));
  CHECK(run.signals()[0].name == "reader_buffer");
  CHECK(run.signals()[0].level == sluice::level::warning);
  CHECK(run.signals()[0].cause.find("and cuts it at 64000000") != std::string::npos);
  CHECK(run.metric("reader_buffer_bytes") > 32'000'000);
  CHECK(run.metric("reader_buffer_bytes") < 64'000'000);
  CHECK(run.hears_of("reader_slow"));
  // It is no longer slow when it has read all.
  REQUIRE(run.run_until([&] { return idle.messages().size() == pushed && run.signals().empty(); }));
  CHECK(run.run_until([&] { return run.metric("reader_buffer_bytes") == 0; }));
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

}  // namespace redis_sink_faults_test
