#include "kite_server.hpp"

#include "test_client.hpp"
#include "test_tls.hpp"

#include <kite/frame.hpp>
#include <kite/json.hpp>
#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <unistd.h>
#include <algorithm>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

namespace kite_server_test {

using namespace sluice;
using namespace sluice::kite_server;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

constexpr const char* good = "/?api_key=k&access_token=t";
constexpr std::uint32_t equity = 408065, index_token = 256265;
constexpr duration patience = 60s;

testing::input tick(std::uint32_t token, std::int32_t price = 100) {
  kite::packet packet;
  packet.kind = kite::kind_for(token, kite::mode::full);
  packet.token = token;
  packet.last_price = price;
  std::array<std::uint8_t, kite::packet_size_max> wire{};
  const std::size_t size = kite::encode(packet, wire);
  return {.key = token,
          .text = {reinterpret_cast<const char*>(wire.data()), size},
          .schema = std::string{kite::tick_schema}};
}

struct sandbox {
  testing::harness run;
  std::uint16_t port = 0;

  explicit sandbox(const std::string& settings = {},
                   std::vector<std::pair<std::string, std::string>> environment = {})
      : run{plugin_of<sink>,
            "listen = \"127.0.0.1:0\"\nframe_interval = \"1ms\"\n" + settings,
            {.real_time = true, .environment = std::move(environment)}} {
    REQUIRE(run.run_until([&] { return listening(); }, patience));
  }

  bool listening() {
    for (const auto& event : run.events())
      if (event.kind == "listening")
        port = static_cast<std::uint16_t>(std::stoi(event.text.substr(event.text.rfind(':') + 1)));
    return port != 0;
  }
  template <typename Done, typename... Clients>
  bool until(Done done, Clients&... clients) {
    return run.run_until([&] { return (clients.poll(), ...), done(); }, patience);
  }
  /// Steps for a while.
  template <typename... Clients>
  void pass(duration time, Clients&... clients) {
    run.run_until([&] { return (clients.poll(), ...), false; }, time);
  }
  std::unique_ptr<websocket_client> connect(const char* target = good) {
    auto made = std::make_unique<websocket_client>(port, target);
    REQUIRE(until([&] { return made->open || made->ended; }, *made));
    return made;
  }
  std::string exchange(std::string request) {
    raw_client raw{port, std::move(request)};
    REQUIRE(until([&] { return raw.ended; }, raw));
    return raw.answer;
  }
  std::string post(const std::string& path, const std::string& body, const std::string& more = {}) {
    return exchange("POST " + path + " HTTP/1.1\r\nHost: x\r\n" + more +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  /// Until the status contains `part`.
  template <typename... Clients>
  bool shows(std::string_view part, Clients&... clients) {
    const time_point limit = run.now() + patience;
    while (status().find(part) == std::string::npos) {
      if (run.now() > limit) return false;
      pass(5ms, clients...);
    }
    return true;
  }
  bool opens_at_last() {
    const time_point limit = run.now() + patience;
    while (!connect()->open)
      if (run.now() > limit) return false;
    return true;
  }
  std::string status() { return exchange("GET /status HTTP/1.1\r\nHost: x\r\n\r\n"); }
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
std::size_t packets_of(const websocket_client& from) {
  std::size_t all = 0;
  for (const auto& frame : from.frames)
    all += kite::split(frame, [](kite::bytes_view, kite::packet_kind) {}).packets;
  return all;
}
std::size_t heartbeats_of(const websocket_client& from) {
  return static_cast<std::size_t>(std::count_if(from.frames.begin(), from.frames.end(),
                                                [](const auto& each) { return each.size() == 1; }));
}

}  // namespace

TEST_CASE("kite_server: a client subscribes, changes its mode, and gets its ticks") {
  sandbox box;
  auto one = box.connect();
  REQUIRE(box.until([&] { return one->texts.size() == 2; }, *one));
  CHECK(has(one->texts[0], "instruments_meta"));
  CHECK(has(one->texts[1], "app_code"));

  one->send(R"({"a":"subscribe","v":[408065,256265]})");
  one->send(R"({"a":"mode","v":["full",[408065]]})");
  REQUIRE(box.shows(R"("requests":2)", *one));
  box.run.push({tick(equity), tick(index_token), tick(738561)});
  REQUIRE(box.until([&] { return packets_of(*one) == 2; }, *one));
  std::vector<std::size_t> sizes;
  for (const auto& frame : one->frames)
    kite::split(
        frame, [&](kite::bytes_view packet, kite::packet_kind) { sizes.push_back(packet.size()); });
  CHECK(sizes == std::vector<std::size_t>{184, 28});

  box.run.push(
      testing::input{.text = R"({"order_id":"1"})", .schema = std::string{kite::order_schema}});
  REQUIRE(box.until([&] { return one->texts.size() == 3; }, *one));
  CHECK(one->texts[2] == R"({"type":"order","data":{"order_id":"1"}})");
  CHECK(box.run.count().published == 4);
  CHECK(box.run.balanced());
}

TEST_CASE("kite_server: what it cannot serve is dropped with its reason") {
  sandbox box;
  box.run.push(testing::input{.text = "abc", .schema = std::string{kite::tick_schema}});
  box.run.push(testing::input{.text = "abc", .schema = "other/1"});
  CHECK(box.run.count().dropped[SLUICE_DROP_MALFORMED] == 1);
  CHECK(box.run.count().dropped[SLUICE_DROP_UNROUTED] == 1);
  CHECK(box.run.balanced());
}

TEST_CASE("kite_server: refuses as the broker does") {
  sandbox box{"api_keys = \"k, other\"\naccess_token = \"${TOKEN}\"\n", {{"TOKEN", "t"}}};
  CHECK(box.connect("/?api_key=k&access_token=wrong")->refused == 403);
  CHECK(box.connect("/?api_key=nobody&access_token=t")->refused == 403);
  CHECK(box.connect("/")->refused == 403);
  CHECK(box.connect("/?api_key=k&access_token=a+b")->refused == 400);

  auto first = box.connect(), second = box.connect(), third = box.connect();
  REQUIRE((first->open && second->open && third->open));
  CHECK(box.connect()->refused == 429);
  CHECK(box.connect("/?api_key=other&access_token=t")->open);
  third.reset();
  CHECK(box.opens_at_last());

  CHECK(has(box.post("/token", R"({"token":"renewed"})"), "200 OK"));
  CHECK(box.connect("/?api_key=other&access_token=t")->refused == 403);
  CHECK(box.connect("/?api_key=other&access_token=renewed")->open);
  const std::string status = box.status();
  CHECK(has(status, R"("refused":{"400":1,"403":4,)"));
  CHECK_FALSE(has(status, "renewed"));
  for (const auto& line : box.run.logs()) CHECK_FALSE(has(line.text, "renewed"));
}

TEST_CASE("kite_server: refuses on command, for as long as it was told") {
  sandbox box;
  for (const unsigned status : {400u, 403u, 429u}) {
    CAPTURE(status);
    const std::string body = R"({"mode":"refuse_)" + std::to_string(status) + R"(","seconds":0.2})";
    REQUIRE(has(box.post("/misbehave", body), "200 OK"));
    CHECK(box.connect()->refused == status);
    CHECK(box.opens_at_last());
  }
}

TEST_CASE("kite_server: heartbeats and pings while idle") {
  sandbox box{"heartbeat_interval = \"20ms\"\nping_interval = \"100ms\"\n"};
  auto one = box.connect();
  CHECK(box.until([&] { return heartbeats_of(*one) >= 3 && one->pings >= 2; }, *one));
  CHECK_FALSE(one->ended);
}

TEST_CASE("kite_server: a client that answers no ping is cut") {
  sandbox box{"ping_interval = \"100ms\"\n"};
  auto one = box.connect();
  // Nobody polls it any more, so nothing of it answers.
  REQUIRE(box.shows(R"("dead":1)"));
  CHECK(box.until([&] { return one->ended; }, *one));
}

TEST_CASE("kite_server: silence is total, and ends") {
  sandbox box{"heartbeat_interval = \"20ms\"\n"};
  auto one = box.connect();
  one->send(R"({"a":"subscribe","v":[408065]})");
  REQUIRE(box.until([&] { return heartbeats_of(*one) > 0; }, *one));
  REQUIRE(has(box.post("/misbehave", R"({"mode":"silence"})"), R"("misbehave":"silence")"));
  box.pass(50ms, *one);
  one->frames.clear();
  one->ping();
  box.run.push(tick(equity));
  box.pass(200ms, *one);
  CHECK(one->frames.empty());
  CHECK(one->pongs == 0);
  CHECK_FALSE(one->ended);

  box.post("/misbehave", R"({"mode":"none"})");
  one->ping();
  box.run.push(tick(equity));
  CHECK(box.until([&] { return packets_of(*one) == 1 && one->pongs == 1; }, *one));
}

TEST_CASE("kite_server: cut is a reset, at once or after a time") {
  sandbox box{"cut_after = \"100ms\"\n"};
  auto one = box.connect();
  REQUIRE(has(box.post("/misbehave", R"({"mode":"cut"})"), R"("misbehave":"none")"));
  REQUIRE(box.until([&] { return one->ended; }, *one));
  CHECK(one->error == asio::error::connection_reset);
  CHECK(box.connect()->open);

  sandbox cutting{"misbehave = \"cut\"\ncut_after = \"100ms\"\n"};
  auto other = cutting.connect();
  CHECK(other->open);
  REQUIRE(cutting.until([&] { return other->ended; }, *other));
  CHECK(other->error == asio::error::connection_reset);
}

TEST_CASE("kite_server: malformed frames come between good ones") {
  sandbox box{"misbehave = \"malformed\"\nseed = 3\n"};
  auto one = box.connect();
  one->send(R"({"a":"subscribe","v":[408065]})");
  REQUIRE(box.shows(R"("requests":1)", *one));
  for (int i = 0; i < 40; ++i) {
    box.run.push(tick(equity, i));
    box.pass(2ms, *one);
  }
  int whole = 0, bad = 0;
  for (const auto& frame : one->frames) {
    const auto found = kite::split(frame, [](kite::bytes_view, kite::packet_kind) {});
    ++(found.packets == 1 && !found.damaged && found.unknown_lengths == 0 ? whole : bad);
  }
  CHECK(whole > 5);
  CHECK(bad > 5);
}

TEST_CASE("kite_server: slow drip lets bytes trickle and stops at a word") {
  sandbox box{"drip_rate = 1000\n"};
  auto one = box.connect();
  one->send(R"({"a":"mode","v":["full",[408065]]})");
  REQUIRE(box.shows(R"("requests":1)", *one));
  box.post("/misbehave", R"({"mode":"slow_drip"})");
  box.run.push({tick(equity), tick(equity), tick(equity)});
  const time_point before = box.run.now();
  REQUIRE(box.until([&] { return packets_of(*one) == 3; }, *one));
  CHECK(box.run.now() - before > 400ms);

  one->frames.clear();
  box.run.push(std::vector<testing::input>(200, tick(equity)));
  box.pass(50ms, *one);
  CHECK(packets_of(*one) == 0);
  box.post("/misbehave", R"({"mode":"none"})");
  CHECK(box.until([&] { return packets_of(*one) == 200; }, *one));
}

TEST_CASE("kite_server: a slow client skips frames, and is cut in the end") {
  sandbox box{"send_queue = \"1MiB\"\nstall_limit = \"200ms\"\nping_interval = \"60s\"\n"};
  auto slow = box.connect();
  auto quick = box.connect();
  for (websocket_client* each : {slow.get(), quick.get()})
    each->send(R"({"a":"mode","v":["full",[408065]]})");
  REQUIRE(box.until([&] { return slow->texts.size() == 2 && quick->texts.size() == 2; }, *slow,
                    *quick));
  box.pass(50ms, *slow, *quick);
  slow->paused = true;
  // 46 KB a round: the kernel's buffers fill, then the queue, then frames are skipped.
  for (int i = 0; i < 2'000 && !has(box.status(), R"("slow":1)"); ++i) {
    box.run.push(std::vector<testing::input>(250, tick(equity, i)));
    quick->poll();
  }
  const std::string status = box.status();
  CHECK(has(status, R"("slow":1)"));
  CHECK_FALSE(quick->ended);
  CHECK(box.run.metric("skipped_packets") > 0);
  CHECK(box.run.balanced());
}

TEST_CASE("kite_server: control answers loopback programs, not pages, and nothing malformed") {
  sandbox box{"handshake_limit = \"200ms\"\n"};
  CHECK(has(box.status(), "HTTP/1.1 200 OK"));
  CHECK(has(box.exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "404 Not Found"));
  CHECK(has(box.post("/status", ""), "405"));
  CHECK(has(box.post("/order", "{"), "400"));
  CHECK(has(box.post("/misbehave", R"({"mode":"cut"})", "Origin: http://evil\r\n"), "403"));
  CHECK(has(box.post("/order", std::string(70'000, ' ')), "413"));
  CHECK(has(box.exchange("GET / HTTP/1.1\r\nA: " + std::string(9'000, 'b') + "\r\n\r\n"), "431"));
  CHECK(has(box.exchange("\x16\x03\x01 what is this\r\n\r\n"), "400"));
  CHECK(box.exchange("GET / HT").empty());
  CHECK(has(box.status(), R"("late":1)"));

  sandbox without{"control = false\n"};
  CHECK(has(without.status(), "403"));
  CHECK(without.connect()->open);
}

TEST_CASE("kite_server: a message to all, and one that is too long") {
  sandbox box{"message_limit = \"1KiB\"\n"};
  auto one = box.connect();
  REQUIRE(has(box.post("/message", R"({"type":"message","data":"hello"})"), "200 OK"));
  REQUIRE(box.until([&] { return one->texts.size() == 3; }, *one));
  CHECK(one->texts[2] == R"({"type":"message","data":"hello"})");
  one->send(std::string(2'000, ' '));
  REQUIRE(box.until([&] { return one->ended; }, *one));
  CHECK(box.shows(R"("clients":[])"));
}

TEST_CASE("kite_server: one connection too many is closed") {
  sandbox box{"clients = 1\n"};
  auto one = box.connect();
  CHECK(one->open);
  CHECK_FALSE(box.connect()->open);
  CHECK(box.until([&] { return box.run.metric("clients") == 1; }, *one));
}

TEST_CASE("kite_server: says where it listens, and refuses a port that is taken") {
  const auto file =
      std::filesystem::temp_directory_path() / ("kite_server_test." + std::to_string(::getpid()));
  sandbox box{"announce_file = \"" + file.string() + "\"\n"};
  std::ifstream in{file};
  std::string line;
  std::getline(in, line);
  std::filesystem::remove(file);
  CHECK(line == "127.0.0.1:" + std::to_string(box.port));
  CHECK(box.until([&] { return box.run.metric("port") == box.port; }));

  std::string message;
  testing::options real_time;
  real_time.real_time = true;
  try {
    testing::harness taken{plugin_of<sink>, "listen = \"" + line + "\"", real_time};
    taken.run_until([&] { return taken.faults() != 0; }, 1s);
    for (const auto& said : taken.logs()) message += said.text;
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  CHECK(has(message, "cannot listen on " + line));
}

TEST_CASE("kite_server: drain sends what is there and closes in order") {
  sandbox box;
  auto one = box.connect();
  auto asleep = box.connect();
  one->send(R"({"a":"subscribe","v":[408065]})");
  REQUIRE(box.shows(R"("subscribed":1)", *one));
  box.run.push(tick(equity));
  CHECK(box.run.drain());
  CHECK(box.until([&] { return one->ended; }, *one));
  CHECK(one->close_code() == boost::beast::websocket::close_code::going_away);
  CHECK(packets_of(*one) == 1);
  CHECK(box.until([&] { return asleep->ended; }, *asleep));
  CHECK(box.run.balanced());
}

TEST_CASE("kite_server: serves TLS") {
  const test_certificate files{std::filesystem::temp_directory_path() /
                               ("kite_server_tls." + std::to_string(::getpid()))};
  sandbox box{"tls_certificate = \"" + files.certificate_file + "\"\ntls_key = \"" +
              files.key_file + "\"\n"};
  asio::ssl::context context = files.trusting();
  websocket_client one{box.port, good, &context};
  REQUIRE(box.until([&] { return one.texts.size() == 2; }, one));
  one.send(R"({"a":"subscribe","v":[408065]})");
  box.pass(50ms, one);
  box.run.push(tick(equity));
  CHECK(box.until([&] { return one.frames.size() == 1; }, one));
  // One that does not speak TLS is turned away.
  CHECK(box.connect()->error);
}

TEST_CASE("kite_server: settings that contradict each other are refused") {
  const auto message = [](const std::string& settings) {
    try {
      testing::harness run{plugin_of<sink>, settings};
    } catch (const std::runtime_error& error) {
      return std::string{error.what()};
    }
    return std::string{};
  };
  CHECK(has(message("tls_key = \"a\""), "given together"));
  CHECK(has(message("tls_key = \"/none\"\ntls_certificate = \"/none\""),
            "tls_certificate: cannot use /none"));
  CHECK(has(message("frame_packets = 65535"), "room for one frame"));
  CHECK(has(message("listen = \"localhost:1\""), "not a numeric address and port"));
  CHECK(has(message("listen = \"127.0.0.1:70000\""), "not a numeric address and port"));
  CHECK(has(message("listen = \"::1:9\""), "not a numeric address and port"));
}

}  // namespace kite_server_test
