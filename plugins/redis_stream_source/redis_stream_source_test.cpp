#include "redis_stream_source.hpp"

#include <redis/real_redis.hpp>
#include <redis/slot.hpp>

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace redis_stream_source_test {

using namespace std::chrono_literals;
using namespace sluice::redis::testing;
using sluice::testing::harness;

namespace {

sluice::testing::options real_time() {
  sluice::testing::options made;
  made.real_time = true;
  return made;
}

std::string why_refused(const std::string& settings) {
  try {
    harness{sluice::plugin_of<sluice::redis_stream_source::source>, settings, real_time()};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

bool says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

harness reading(const std::string& settings) {
  return harness{sluice::plugin_of<sluice::redis_stream_source::source>,
                 "stream = \"s\"\nblock = \"20ms\"\n" + settings, real_time()};
}

/// The text of the first event of this kind, empty if it does not come.
std::string hears(harness& run, const std::string& kind) {
  std::string told;
  run.run_until([&] {
    for (const auto& each : run.events())
      if (told.empty() && each.kind == kind) told = each.text;
    return !told.empty();
  });
  return told;
}

command_line at_port(std::uint16_t port) {
  return {"--bind", "127.0.0.1", "--port", std::to_string(port)};
}

}  // namespace

TEST_CASE("reads a stream by a group of its own making, with keys, and acknowledges") {
  real_redis server;
  server.ask({"XADD", "s", "*", "data", "first", "key", "7"});
  server.ask({"XADD", "s", "*", "key", "word", "schema", "test.tick/12", "data", "second"});
  harness run{sluice::plugin_of<sluice::redis_stream_source::source>,
              "stream = \"s\"\nblock = \"20ms\"\nurl = \"unix://" + server.socket() + "\"",
              real_time()};
  REQUIRE(run.run_until([&] { return run.metric("acknowledged") == 2; }));
  const auto out = run.outputs();
  REQUIRE(out.size() == 2);
  CHECK(out[0].text == "first");
  CHECK(out[0].key == 7);
  CHECK(out[0].schema == "redis.entry/1");
  CHECK(out[1].text == "second");
  CHECK(out[1].key == 0x7058FCF636683F3Du);
  CHECK(out[1].schema == "test.tick/12");
  CHECK(run.metric("connected") == 1);
  CHECK(run.drain());
  CHECK(run.balanced());
}

TEST_CASE("schemas that are no names, and more than anybody means, are dead letters") {
  real_redis server;
  const std::string longest = std::string(62, 'a') + "/1";
  for (const std::string wrong : {"tick", "tick/", "/1", "Tick/1", "tick/1a", "1tick/1"})
    server.ask({"XADD", "s", "*", "schema", wrong, "data", "x"});
  server.ask({"XADD", "s", "*", "schema", "a" + longest, "data", "x"});
  server.ask({"XADD", "s", "*", "schema", longest, "data", "x"});
  for (int i = 0; i < 70; ++i)
    server.ask({"XADD", "s", "*", "schema", "tick/" + std::to_string(i), "data", "x"});
  harness run{sluice::plugin_of<sluice::redis_stream_source::source>,
              "stream = \"s\"\nblock = \"20ms\"\nurl = \"unix://" + server.socket() + "\"",
              real_time()};
  REQUIRE(
      run.run_until([&] { return run.metric("acknowledged") + run.metric("dead_letters") == 78; }));
  CHECK(run.metric("acknowledged") == 64);
  CHECK(run.count().dropped[SLUICE_DROP_MALFORMED] == 14);
  CHECK(run.balanced());
}

TEST_CASE("nothing is acknowledged while what stands behind it takes nothing") {
  real_redis server;
  server.ask({"XADD", "s", "*", "data", "first"});
  harness run{sluice::plugin_of<sluice::redis_stream_source::source>,
              "stream = \"s\"\nblock = \"20ms\"\nurl = \"unix://" + server.socket() + "\"",
              real_time()};
  run.stall(true);
  CHECK_FALSE(run.run_until([&] { return run.metric("acknowledged") > 0; }, 300ms));
  CHECK(run.count().created == 1);
  run.stall(false);
  CHECK(run.run_until([&] { return run.metric("acknowledged") == 1; }));
}

TEST_CASE("a key that holds something else is said, and tried again") {
  real_redis server;
  server.ask({"SET", "s", "x"});
  harness run{sluice::plugin_of<sluice::redis_stream_source::source>,
              "stream = \"s\"\nbackoff_max = \"50ms\"\nurl = \"unix://" + server.socket() + "\"",
              real_time()};
  std::string told;
  CHECK(run.run_until([&] {
    for (const auto& each : run.events())
      if (each.kind == "disconnected") told = each.text;
    return !told.empty();
  }));
  CHECK(says(told, "WRONGTYPE"));
  // However often it is greeted and refused: that is one outage.
  CHECK_FALSE(run.run_until([&] { return !run.events().empty(); }, 300ms));
  server.ask({"DEL", "s"});
  server.ask({"XADD", "s", "*", "data", "first"});
  CHECK(run.run_until([&] { return run.metric("acknowledged") == 1; }));
}

TEST_CASE("an outage tells each of its causes, once") {
  real_redis server;
  server.ask({"XADD", "s", "*", "data", "first"});
  harness run = reading("backoff_max = \"50ms\"\nurl = \"unix://" + server.socket() + "\"");
  REQUIRE(run.run_until([&] { return run.metric("acknowledged") == 1; }));
  server.kill();
  std::vector<std::string> causes;
  const auto told = [&](std::size_t count, auto limit) {
    return run.run_until(
        [&] {
          for (const auto& each : run.events())
            if (each.kind == "disconnected") causes.push_back(each.text);
          return causes.size() >= count;
        },
        limit);
  };
  REQUIRE(told(2, 60s));
  CHECK_FALSE(told(3, 300ms));
  CHECK(causes[0] != causes[1]);
}

TEST_CASE("sentinels are asked in turn for the master, each for a moment") {
  const std::uint16_t port = free_port();
  real_redis server{at_port(port)};
  server.ask({"XADD", "s", "*", "data", "first"});
  const silent_server silent;
  const real_sentinel stranger{port}, sentinel{port, "requirepass hidden\n"};
  const std::string url = "url = \"redis+sentinel://" + silent.place() + "," + sentinel.place();
  harness run = reading(url + "/prices\"\nsentinel_password = \"hidden\"");
  const std::string told = hears(run, "connected");
  CHECK(says(told, "/prices, the master at 127.0.0.1:" + std::to_string(port)));
  CHECK_FALSE(says(told, "hidden"));
  CHECK(run.run_until([&] { return run.metric("acknowledged") == 1; }));

  harness locked_out = reading(url + "/prices\"\nsentinel_password = \"wrong\"");
  const std::string why = hears(locked_out, "disconnected");
  CHECK(says(why, "no sentinel told where the master `prices` is: sentinel " + silent.place() +
                      ": no answer to the greeting within 300 ms; sentinel " + sentinel.place() +
                      ": AUTH was answered WRONGPASS"));
  CHECK_FALSE(says(why, "wrong"));

  harness nobody = reading("url = \"redis+sentinel://" + stranger.place() + "/nobody\"");
  CHECK(says(hears(nobody, "disconnected"), "knows no master `nobody`"));
}

TEST_CASE("what a sentinel names is left alone unless it is a master") {
  const std::uint16_t port = free_port(), of_replica = free_port();
  real_redis master{at_port(port)}, replica{at_port(of_replica)};
  replica.ask({"REPLICAOF", "127.0.0.1", std::to_string(port)});
  const real_sentinel sentinel{of_replica};
  harness run =
      reading("backoff_max = \"50ms\"\nurl = \"redis+sentinel://" + sentinel.place() + "/prices\"");
  CHECK(says(hears(run, "disconnected"), "the master at 127.0.0.1:" + std::to_string(of_replica) +
                                             ": is not the master; its role is slave"));
  replica.ask({"REPLICAOF", "NO", "ONE"});
  CHECK_FALSE(hears(run, "connected").empty());
}

namespace {

/// Two nodes of a cluster, each of which serves half of the slots.
struct two_nodes {
  std::uint16_t port_a = node_port(), port_b = node_port();
  real_redis a{options(port_a)}, b{options(port_b)};

  two_nodes() {
    a.ask({"CLUSTER", "ADDSLOTSRANGE", "0", "8191"});
    b.ask({"CLUSTER", "ADDSLOTSRANGE", "8192", "16383"});
    b.ask({"CLUSTER", "SET-CONFIG-EPOCH", "2"});
    a.ask({"CLUSTER", "MEET", "127.0.0.1", std::to_string(port_b)});
    for (int i = 0; i < 1'000 && !(knows_all(a) && knows_all(b)); ++i) ::poll(nullptr, 0, 10);
    REQUIRE(knows_all(a));
    REQUIRE(knows_all(b));
  }
  static std::uint16_t node_port() {
    std::uint16_t port = free_port();
    while (port > 55'535) port = free_port();  // its bus listens 10,000 above
    return port;
  }
  static command_line options(std::uint16_t port) {
    command_line made = at_port(port);
    made.insert(made.end(), {"--cluster-enabled", "yes"});
    return made;
  }
  static bool knows_all(real_redis& node) {
    return says(node.ask({"CLUSTER", "INFO"}), "cluster_state:ok");
  }
};

}  // namespace

TEST_CASE("the node that serves the stream's slot is found, and followed while the slot moves") {
  two_nodes cluster;
  real_redis &from = cluster.a, &to = cluster.b;
  const std::string slot = std::to_string(sluice::redis::slot_of("s"));
  REQUIRE(sluice::redis::slot_of("s") < 8192);
  from.ask({"XADD", "s", "*", "data", "first"});
  // One seed is gone, the other serves another slot.
  harness run = reading(
      "url = \"redis+cluster://127.0.0.1:1,127.0.0.1:" + std::to_string(cluster.port_b) + "\"");
  REQUIRE(run.run_until([&] { return run.metric("acknowledged") == 1; }));

  to.ask({"CLUSTER", "SETSLOT", slot, "IMPORTING", from.ask({"CLUSTER", "MYID"})});
  from.ask({"CLUSTER", "SETSLOT", slot, "MIGRATING", to.ask({"CLUSTER", "MYID"})});
  from.ask({"MIGRATE", "127.0.0.1", std::to_string(cluster.port_b), "s", "0", "5000"});
  const auto add = [&](const std::string& data, const std::string& field = "data") {
    to.ask({"ASKING"});
    to.ask({"XADD", "s", "*", field, data});
  };
  add("second");
  add("third", "strange");
  REQUIRE(run.run_until([&] { return run.metric("dead_letters") == 1; }));
  CHECK(run.metric("acknowledged") == 2);
  CHECK(run.metric("connected") == 1);

  to.ask({"CLUSTER", "SETSLOT", slot, "NODE", to.ask({"CLUSTER", "MYID"})});
  from.ask({"CLUSTER", "SETSLOT", slot, "NODE", to.ask({"CLUSTER", "MYID"})});
  CHECK(says(hears(run, "slot_moved"), ":" + std::to_string(cluster.port_b)));
  to.ask({"XADD", "s", "*", "data", "fourth"});
  CHECK(run.run_until([&] { return run.metric("acknowledged") == 3; }));
  CHECK(run.balanced());
}

TEST_CASE("a cluster in which nobody serves the stream's slot says so") {
  const std::uint16_t port = two_nodes::node_port();
  real_redis node{two_nodes::options(port)};
  harness run = reading(
      "backoff_max = \"50ms\"\nurl = \"redis+cluster://127.0.0.1:" + std::to_string(port) + "\"");
  CHECK(says(hears(run, "disconnected"), "node 127.0.0.1:" + std::to_string(port) +
                                             ": names no node that serves the stream's slot"));
  node.ask({"CLUSTER", "ADDSLOTSRANGE", "0", "16383"});
  CHECK(says(hears(run, "connected"), "node 127.0.0.1:" + std::to_string(port)));
}

TEST_CASE("dead letters are in the stream's slot of a cluster, or refused") {
  const std::string cluster = "url = \"redis+cluster://a,b\"\nstream = ";
  CHECK(why_refused(cluster + "\"orders\"").empty());
  CHECK(why_refused(cluster + "\"{orders}:in\"").empty());
  CHECK(why_refused(cluster + "\"{orders}\"\ndead_letters = \"dead:{orders}\"").empty());
  CHECK(says(why_refused(cluster + "\"orders\"\ndead_letters = \"dead\""),
             "dead_letters: `dead` is in the cluster's slot"));
  CHECK(says(why_refused(cluster + "\"a}b\""), "dead_letters: `{a}b}:dead` is in"));
}

TEST_CASE("what cannot be is refused by name") {
  CHECK(says(why_refused(""), "stream"));
  for (const char* wrong : {"[\"\"]", "[\"type\", \"data\"]", "[\"type\", \"type\"]"})
    CHECK(
        says(why_refused("stream = \"s\"\nattributes = " + std::string{wrong}), "attributes: has"));
  CHECK(says(why_refused("stream = \"s\"\ndead_letters = \"s\""), "dead_letters"));
  CHECK(says(why_refused("stream = \"s\"\nurl = \"redis://bob@a\""), "url: there is a user"));
  CHECK(says(why_refused("stream = \"s\"\nsentinel_user = \"u\""), "sentinel_user"));
  CHECK(says(why_refused("stream = \"s\"\nsentinel_password = \"p\""), "sentinel_password"));
  CHECK(says(why_refused("stream = \"s\"\ntls_ca_file = \"ca.pem\""), "tls_ca_file"));
  const std::string told = why_refused("stream = \"s\"\nurl = \"http://user:hidden@a\"");
  CHECK(says(told, "url"));
  CHECK_FALSE(says(told, "hidden"));
}

}  // namespace redis_stream_source_test
