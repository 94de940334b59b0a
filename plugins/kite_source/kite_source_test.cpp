// The whole source against a ticker on the loopback.
#include "kite_source.hpp"

#include "loopback_server.hpp"
#include "market_hours.hpp"
#include "reader_watch.hpp"

#include <kite/frame.hpp>
#include <kite/text.hpp>
#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

using namespace std::chrono_literals;

namespace sluice::kite_source::kite_source_test {
namespace {

using testing::harness;
using testing::output;

constexpr duration enough = 20s;
constexpr std::string_view token_text = "to/ken+1=";
constexpr const char* token_encoded = "to%2Fken%2B1%3D";

/// A source of a server, with short times.
struct bench {
  loopback_server server;
  std::string token_file;
  std::unique_ptr<harness> run;
  std::vector<output> got;
  std::vector<testing::message> told;

  explicit bench(loopback_server::transport over = loopback_server::transport::plain)
      : server{over},
        token_file{(std::filesystem::temp_directory_path() /
                    ("kite_source_test_" + std::to_string(server.port()) + ".token"))
                       .string()} {
    write_token(token_text);
  }
  ~bench() { std::remove(token_file.c_str()); }

  void write_token(std::string_view text) const {
    const std::string next = token_file + ".next";
    std::ofstream{next} << text << '\n';
    std::filesystem::rename(next, token_file);
  }

  void start(const std::string& more = "tokens = [408065, 256265]", const std::string& url = "") {
    run = std::make_unique<harness>(
        plugin_of<source>,
        "url = \"" + (url.empty() ? server.url() : url) +
            "\"\napi_key = \"the-key\"\naccess_token = \"${file:" + token_file +
            "}\"\nbackoff_first = \"20ms\"\nbackoff_max = \"50ms\"\ntoken_poll = \"100ms\"\n" +
            more,
        testing::options{.real_time = true, .environment = {}});
  }
  void start_open(const std::string& more = "tokens = [408065, 256265]") {
    start(more);
    REQUIRE(until([&] { return server.open() == 1 && server.texts().size() >= 2; }));
  }
  bool until(const std::function<bool()>& done, duration limit = enough) {
    return run->run_until(done, limit);
  }
  bool got_records(std::size_t count) {
    return until([&] {
      for (output& one : run->outputs()) got.push_back(std::move(one));
      return got.size() >= count;
    });
  }
  /// The first event of a kind, waited for; "" if none comes.
  std::string event(std::string_view kind) {
    std::string found;
    until([&] {
      for (testing::message& one : run->events()) told.push_back(std::move(one));
      for (const testing::message& one : told)
        if (found.empty() && one.kind == kind) found = one.text;
      return !found.empty();
    });
    return found;
  }
  level signal(std::string_view name) const {
    for (const testing::signal& one : run->signals())
      if (one.name == name) return one.level;
    return level::healthy;
  }
  bool metric_is(std::string_view name, double value) {
    return until([&] { return run->metric(name) == value; });
  }
};

std::vector<std::uint8_t> bytes_of(kite::bytes_view view) { return {view.begin(), view.end()}; }

std::vector<std::uint8_t> frame_of(const std::vector<kite::packet>& packets) {
  kite::frame_builder frame;
  for (const kite::packet& one : packets) frame.add(one);
  return bytes_of(frame.frame());
}

kite::packet tick(std::uint32_t token, kite::packet_kind kind, std::uint32_t exchange_time = 0) {
  kite::packet made;
  made.kind = kind;
  made.token = token;
  made.last_price = 150'025;
  made.exchange_time = exchange_time;
  return made;
}

TEST_CASE("ticks become records, and what is subscribed is what was configured") {
  bench b;
  b.start_open("tokens = [408065, \"256265=ltp\"]\nwatch = [408065]");
  CHECK(b.server.targets().at(0) == "/?api_key=the-key&access_token=" + std::string{token_encoded});
  CHECK(b.server.kite_version() == "3");
  CHECK(b.server.extensions().empty());
  REQUIRE(b.until([&] { return b.server.texts().size() == 4; }));
  CHECK(b.server.texts() == std::vector<std::string>{R"({"a":"subscribe","v":[408065]})",
                                                     R"({"a":"mode","v":["full",[408065]]})",
                                                     R"({"a":"subscribe","v":[256265]})",
                                                     R"({"a":"mode","v":["ltp",[256265]]})"});

  const std::uint32_t later = 4'000'000'000;
  b.server.send(bytes_of(kite::heartbeat_frame));
  b.server.send(frame_of({tick(408'065, kite::packet_kind::full, later),
                          tick(256'265, kite::packet_kind::index_full, 1'000),
                          tick(256'265, kite::packet_kind::ltp)}));
  REQUIRE(b.got_records(3));
  CHECK(b.got[0].key == 408'065);
  CHECK(b.got[0].schema == "kite.tick/1");
  CHECK(b.got[0].priority == priority::high);
  CHECK(b.got[0].flags == 0);
  CHECK(b.got[0].text.size() == 184);
  const auto decoded = kite::decode(
      {reinterpret_cast<const std::uint8_t*>(b.got[0].text.data()), b.got[0].text.size()});
  CHECK(decoded == tick(408'065, kite::packet_kind::full, later));
  const auto of_kind = [&](std::size_t size) {
    return *std::find_if(b.got.begin(), b.got.end(),
                         [size](const output& one) { return one.text.size() == size; });
  };
  CHECK(of_kind(32).priority == priority::normal);
  CHECK(of_kind(32).flags == SLUICE_RECORD_SNAPSHOT);
  CHECK(of_kind(8).flags == SLUICE_RECORD_SNAPSHOT);
  CHECK(b.metric_is("sockets_connected", 1));
  CHECK(b.metric_is("heartbeats", 1));
  CHECK(b.metric_is("frames", 2));
  CHECK(b.metric_is("snapshots", 2));
  CHECK(b.event("connected") == "socket 1: 2 instruments subscribed");
  CHECK(b.run->balanced());
}

TEST_CASE("a damaged frame gives its good packets, what is unknown is skipped, all is counted") {
  bench b;
  b.start_open();
  kite::frame_builder frame;
  frame.add(tick(408'065, kite::packet_kind::quote));
  const std::vector<std::uint8_t> strange(16, 7);
  frame.add(strange);
  frame.add(tick(256'265, kite::packet_kind::index_quote));
  b.server.send(bytes_of(frame.frame()));
  std::vector<std::uint8_t> cut =
      frame_of({tick(408'065, kite::packet_kind::full), tick(408'065, kite::packet_kind::full)});
  cut.resize(cut.size() - 10);
  b.server.send(cut);
  b.server.send({});
  b.server.send({0xff, 0xff});
  b.server.send_text("{not json");
  b.server.send(frame_of({tick(408'065, kite::packet_kind::ltp)}));
  REQUIRE(b.got_records(4));
  CHECK(b.metric_is("unknown_packets", 1));
  CHECK(b.metric_is("damaged_frames", 2));
  CHECK(b.metric_is("texts_malformed", 1));
  CHECK(b.until([&] { return b.run->count().dropped[SLUICE_DROP_MALFORMED] == 4; }));
  CHECK(b.run->count().created == 8);
  CHECK(b.server.open() == 1);
  CHECK(b.server.targets().size() == 1);
  CHECK(b.run->balanced());
}

TEST_CASE("a lost connection comes back with its modes, and the gap is told") {
  bench b;
  b.start_open("tokens = [408065, \"256265=quote\"]");
  REQUIRE(b.until([&] { return b.server.texts().size() == 4; }));
  const auto before = b.server.texts();
  b.server.cut();
  REQUIRE(b.until([&] { return b.server.texts().size() == 8; }));
  const auto after = b.server.texts();
  CHECK(std::equal(before.begin(), before.end(), after.begin() + 4));
  b.server.send(frame_of({tick(408'065, kite::packet_kind::full)}));
  const std::string gap = b.event("gap");
  CHECK(gap.find("2 instruments (408065, 256265)") != std::string::npos);
  CHECK(gap.find("order book") != std::string::npos);
  CHECK(b.event("disconnect").starts_with("socket 1: "));
  CHECK(b.event("reconnect").starts_with("socket 1: back after "));
  CHECK(b.metric_is("reconnects", 1));
  CHECK(b.metric_is("disconnects", 1));
  CHECK(b.metric_is("gaps", 1));
}

TEST_CASE("a silent connection is aborted, one with heartbeats is not") {
  bench b;
  b.start_open("tokens = [408065]\nsilence_timeout = \"600ms\"");
  SUBCASE("heartbeats") {
    for (int i = 0; i < 10; ++i) {
      b.server.send(bytes_of(kite::heartbeat_frame));
      b.until([] { return false; }, 100ms);
    }
    CHECK(b.server.pings() == 0);
  }
  SUBCASE("pings of the server") {
    for (int i = 0; i < 10; ++i) {
      b.server.ping();
      b.until([] { return false; }, 100ms);
    }
  }
  CHECK(b.server.targets().size() == 1);
  // It answers our pings all the while.
  REQUIRE(b.until([&] { return b.server.targets().size() == 2; }));
  CHECK(b.server.pings() == 1);
  CHECK(b.event("disconnect").find("not even a heartbeat or a ping for 0.6 s") !=
        std::string::npos);
  CHECK(b.metric_is("silences", 1));
}

TEST_CASE("heartbeats alone in market hours: one redial, then an alarm until ticks come") {
  bench b;
  b.start_open("tokens = [408065]\nmarket_hours = \"00:00-24:00\"\nstall_timeout = \"300ms\"");
  time_point next{};
  const auto beating_until = [&](const std::function<bool()>& done, duration limit = enough) {
    return b.until(
        [&] {
          if (b.run->now() >= next) {
            b.server.send(bytes_of(kite::heartbeat_frame));
            next = b.run->now() + 50ms;
          }
          return done();
        },
        limit);
  };
  const duration today = std::chrono::system_clock::now().time_since_epoch();
  if (!market_hours{"00:00-24:00"}.open(today)) {  // a weekend: nothing is to be expected
    CHECK_FALSE(beating_until([&] { return b.server.targets().size() > 1; }, 1s));
    CHECK(b.run->metric("stalls") == 0);
    return;
  }
  REQUIRE(beating_until([&] { return b.server.targets().size() == 2; }));
  CHECK(b.event("disconnect").find("only heartbeats for 0.3 s in market hours") !=
        std::string::npos);
  CHECK_FALSE(beating_until([&] { return b.server.targets().size() > 2; }, 600ms));
  CHECK(b.event("stalled").find("still only heartbeats after a redial") != std::string::npos);
  b.server.send(frame_of({tick(408'065, kite::packet_kind::full, 4'000'000'000)}));
  CHECK(b.event("recovered") == "socket 1: ticks come again");
  CHECK(b.got_records(1));
  CHECK(b.server.targets().size() == 2);
}

TEST_CASE("a refused token is not dialled again until it is another") {
  bench b;
  b.server.answer(403, "no: the-key to/ken+1= to%2Fken%2B1%3D\n");
  b.start();
  const std::string refused = b.event("token_refused");
  CHECK(refused.find("HTTP 403 'no: *** *** *** '") != std::string::npos);
  CHECK(b.metric_is("sockets_auth_wait", 1));
  b.until([] { return false; }, 500ms);
  CHECK(b.server.targets().size() == 1);
  b.server.answer(101);
  b.write_token("another");
  REQUIRE(b.until([&] { return b.server.open() == 1; }));
  CHECK(b.server.targets().at(1) == "/?api_key=the-key&access_token=another");
  CHECK(b.metric_is("token_refusals", 1));
  CHECK(b.metric_is("sockets_auth_wait", 0));
}

TEST_CASE("a token that is not there yet is waited for") {
  bench b;
  std::remove(b.token_file.c_str());
  b.start();
  CHECK_FALSE(b.event("auth_wait").empty());
  CHECK(b.server.targets().empty());
  b.write_token("  \n");
  b.until([] { return false; }, 300ms);
  CHECK(b.server.targets().empty());
  b.write_token(token_text);
  CHECK(b.until([&] { return b.server.open() == 1; }));
}

TEST_CASE("an open connection survives a new token, the next dial uses it") {
  bench b;
  b.start_open();
  b.write_token("another");
  b.until([] { return false; }, 300ms);
  CHECK(b.server.targets().size() == 1);
  b.server.cut();
  REQUIRE(b.until([&] { return b.server.targets().size() == 2; }));
  CHECK(b.server.targets()[1].ends_with("=another"));
}

TEST_CASE("429 backs off long, 400 stops, other answers are tried again") {
  bench b;
  SUBCASE("429") {
    b.server.answer(429);
    b.start("tokens = [1]\nrate_limit_wait = \"800ms\"");
    CHECK(b.event("rate_limited").find("HTTP 429: the key has too many") != std::string::npos);
    b.until([] { return false; }, 400ms);
    CHECK(b.server.targets().size() == 1);
    b.server.answer(101);
    CHECK(b.until([&] { return b.server.open() == 1; }));
    CHECK(b.metric_is("rate_limits", 1));
  }
  SUBCASE("400") {
    b.server.answer(400);
    b.start();
    CHECK(b.event("stopped").find("HTTP 400") != std::string::npos);
    CHECK(b.event("stop").find("every connection was refused for good, with HTTP 400") !=
          std::string::npos);
    CHECK(b.server.targets().size() == 1);
    CHECK(b.metric_is("sockets_stopped", 1));
  }
  SUBCASE("503") {
    b.server.answer(503, std::string(1'000, 'x'));
    b.start();
    const std::string failed = b.event("dial_failed");
    CHECK(failed.find("HTTP 503") != std::string::npos);
    CHECK(failed.size() < 400);
    REQUIRE(b.until([&] { return b.server.targets().size() > 3; }));
    b.server.answer(101);
    CHECK(b.until([&] { return b.server.open() == 1; }));
  }
}

TEST_CASE("a socket that is refused for good leaves the others alone") {
  bench b;
  b.start("tokens = [408065, 256265]\nconnections = 2");
  REQUIRE(b.until([&] { return b.server.open() == 2; }));
  b.server.answer(400);
  b.server.cut_one();
  CHECK_FALSE(b.event("stopped").empty());
  CHECK(b.signal("feed") == level::critical);
  b.server.answer(101);
  b.until([] { return false; }, 300ms);
  CHECK(b.server.open() == 1);
  CHECK(b.server.targets().size() == 3);
  b.server.send(frame_of({tick(408'065, kite::packet_kind::ltp)}));
  CHECK(b.got_records(1));
  CHECK(b.run->faults() == 0);
}

TEST_CASE("a token that would travel in the clear is warned of") {
  const auto warned = [](const std::string& url) {
    bench b;
    b.start("tokens = [1]", url);
    for (const testing::message& one : b.run->logs())
      if (one.text.find("url is ws:// to another machine") != std::string::npos) return true;
    return false;
  };
  CHECK(warned("ws://192.0.2.1"));
  CHECK(warned("ws://no-such-host.invalid"));
  CHECK_FALSE(warned("ws://127.0.0.1:1"));
  CHECK_FALSE(warned("ws://localhost:1"));
  CHECK_FALSE(warned("wss://192.0.2.1"));
}

TEST_CASE("a lane that comes back late to the sockets is a signal, waiting for ticks is none") {
  bench b;
  b.start_open();
  b.until([] { return false; }, reader_watch::warning * 2);
  CHECK(b.signal("reader_late") == level::healthy);
  bool held_up = false;
  b.until(
      [&] {
        if (!std::exchange(held_up, true)) {  // the lane is busy with something else
          const time_point until = b.run->now() + reader_watch::critical;
          while (b.run->now() < until) {
          }
        }
        return b.signal("reader_late") != level::healthy;
      },
      enough);
  CHECK(b.signal("reader_late") == level::critical);
}

TEST_CASE("a server that does not answer, and none at all, are dialled again") {
  bench b;
  SUBCASE("no answer") {
    b.server.answer(0);
    b.start("tokens = [1]\nconnect_timeout = \"200ms\"");
    CHECK(b.event("dial_failed").find("no answer within 0.2 s") != std::string::npos);
    REQUIRE(b.until([&] { return b.server.targets().size() > 1; }));
    b.server.answer(101);
    CHECK(b.until([&] { return b.server.open() == 1; }));
  }
  SUBCASE("nobody listens") {
    b.start("tokens = [1]", "ws://127.0.0.1:1");
    CHECK(b.event("dial_failed").find("connect to 127.0.0.1: ") != std::string::npos);
    CHECK(b.until([&] { return b.run->metric("dials") >= 3; }));
  }
}

TEST_CASE("order updates are records of priority 0, once, whichever socket brings them") {
  bench b;
  b.start("tokens = [408065, 256265]\nconnections = 2");
  REQUIRE(b.until([&] { return b.server.texts().size() == 4; }));
  const std::string order =
      R"({"order_id":"1","status":"COMPLETE","filled_quantity":5,"instrument_token":408065})";
  b.server.send_text(kite::order_text(order));
  b.server.send_text(kite::order_text(order));
  b.server.send_text(kite::order_text(R"({"order_id":"2","status":"OPEN"})"));
  REQUIRE(b.got_records(2));
  CHECK(b.metric_is("orders_repeated", 4));
  CHECK(b.metric_is("orders", 2));
  CHECK(b.got.size() == 2);
  CHECK(b.got[0].schema == "kite.order/1");
  CHECK(b.got[0].priority == priority::high);
  CHECK(b.got[0].key == 408'065);
  CHECK(b.got[0].text == order);
}

TEST_CASE("order updates can be left out") {
  bench b;
  b.start_open("tokens = [408065]\norders = false");
  b.server.send_text(kite::order_text(R"({"order_id":"1"})"));
  b.server.send(frame_of({tick(408'065, kite::packet_kind::ltp)}));
  REQUIRE(b.got_records(1));
  CHECK(b.got.size() == 1);
  CHECK(b.got[0].schema == "kite.tick/1");
}

TEST_CASE("what the server says is an event, without secrets") {
  bench b;
  b.start_open();
  b.server.send_text(kite::error_text("bad token to/ken+1= of the-key"));
  b.server.send_text(kite::message_text("maintenance at 18:00"));
  b.server.send_text(R"({"type":"instruments_meta","data":{"count":1,"etag":"a"}})");
  b.server.send_text(R"({"type":"instruments_meta","data":{"count":2,"etag":"b"}})");
  b.server.send_text(R"({"type":"app_code","timestamp":"2025-08-04T13:50:28+05:30"})");
  b.server.send_text(R"({"type":"strange"})");
  CHECK(b.event("server_error") == "socket 1: bad token *** of ***");
  CHECK(b.event("server_notice") == "socket 1: maintenance at 18:00");
  CHECK(b.event("instruments_changed").find("\"count\":2") != std::string::npos);
  CHECK(b.metric_is("texts_unknown", 1));
  CHECK(b.metric_is("server_errors", 1));
  CHECK(b.server.open() == 1);
}

TEST_CASE("a secret is in no event and in no log") {
  bench b;
  b.server.answer(503, "to/ken+1=");
  b.start();
  REQUIRE(b.until([&] { return b.server.targets().size() > 2; }));
  b.server.answer(101);
  REQUIRE(b.until([&] { return b.server.open() == 1; }));
  b.server.cut();
  REQUIRE_FALSE(b.event("disconnect").empty());
  b.server.answer(403, "to/ken+1= to%2Fken%2B1%3D");
  b.server.cut();
  b.event("token_refused");
  std::vector<testing::message> all = b.told;
  for (testing::message& one : b.run->logs()) all.push_back(std::move(one));
  CHECK(all.size() > 3);
  for (const testing::message& one : all) {
    CAPTURE(one.text);
    CHECK(one.text.find("to/ken") == std::string::npos);
    CHECK(one.text.find("to%2Fken") == std::string::npos);
    CHECK(one.text.find("the-key") == std::string::npos);
  }
}

TEST_CASE("a message beyond the limit ends the connection, not the source") {
  bench b;
  b.start_open("tokens = [408065]\nmessage_limit = \"64KiB\"");
  b.server.send(std::vector<std::uint8_t>(70'000, 0));
  REQUIRE(b.until([&] { return b.server.targets().size() == 2 && b.server.open() == 1; }));
  REQUIRE(b.until([&] { return b.server.texts().size() == 4; }));
  b.server.send(frame_of({tick(408'065, kite::packet_kind::ltp)}));
  CHECK(b.got_records(1));
}

TEST_CASE("a push that the host refuses is a fault, and the feed goes on") {
  bench b;
  b.start_open();
  b.run->fail_host_call(1);
  b.server.send(frame_of({tick(408'065, kite::packet_kind::ltp)}));
  CHECK(b.until([&] { return b.run->faults() == 1; }));
  b.server.send(frame_of({tick(256'265, kite::packet_kind::ltp)}));
  REQUIRE(b.got_records(1));
  CHECK(b.got[0].key == 256'265);
  CHECK(b.server.targets().size() == 1);
}

TEST_CASE("the largest legal frame passes whole, in order") {
  bench b;
  b.start_open();
  std::vector<kite::packet> packets;
  for (std::uint32_t i = 0; i < 3'000; ++i)
    packets.push_back(tick(i * 256 + 1, kite::packet_kind::full));
  b.server.send(frame_of(packets));
  REQUIRE(b.got_records(3'000));
  CHECK(b.got.size() == 3'000);
  CHECK(std::is_sorted(b.got.begin(), b.got.end(),
                       [](const output& a, const output& c) { return a.key < c.key; }));
  CHECK(b.run->balanced());
}

TEST_CASE("a drain closes politely and soon") {
  bench b;
  SUBCASE("open") {
    b.start_open();
    CHECK(b.run->drain());
    CHECK(b.until([&] { return b.server.closed_politely() == 1; }));
  }
  SUBCASE("dialling") {
    b.server.answer(0);
    b.start();
    REQUIRE(b.until([&] { return b.server.targets().size() == 1; }));
    CHECK(b.run->drain());
  }
  SUBCASE("waiting for a token") {
    b.server.answer(403);
    b.start();
    b.event("token_refused");
    CHECK(b.run->drain());
  }
}

TEST_CASE("a gap that is not over at the end is told") {
  bench b;
  b.start_open();
  b.server.answer(503);
  b.server.cut();
  REQUIRE_FALSE(b.event("dial_failed").empty());
  CHECK(b.run->drain());
  CHECK(b.event("gap").find("not over when the source ended") != std::string::npos);
}

TEST_CASE("TLS: the server's certificate and name are checked") {
  bench b{loopback_server::transport::tls};
  const std::string trust = "\nca_file = \"" + b.server.certificate_file() + "\"";
  SUBCASE("trusted") {
    b.start_open("tokens = [408065]" + trust);
    b.server.send(frame_of({tick(408'065, kite::packet_kind::full)}));
    CHECK(b.got_records(1));
    CHECK(b.run->drain());
    CHECK(b.until([&] { return b.server.closed_politely() == 1; }));
  }
  SUBCASE("not trusted") {
    b.start();
    CHECK(b.event("dial_failed").find("TLS handshake: certificate verify failed") !=
          std::string::npos);
    CHECK(b.server.targets().empty());
  }
  SUBCASE("of another name") {
    b.start("tokens = [408065]" + trust, "wss://localhost:" + std::to_string(b.server.port()));
    CHECK_FALSE(b.event("dial_failed").empty());
    CHECK(b.server.targets().empty());
  }
  SUBCASE("not checked") {
    b.start_open("tokens = [408065]\ntls_verify = false");
    CHECK(b.server.targets().size() == 1);
  }
}

TEST_CASE("a host's name is looked up by the host") {
  bench b;
  SUBCASE("known") {
    b.start("tokens = [1]", "ws://localhost:" + std::to_string(b.server.port()));
    CHECK(b.until([&] { return b.server.open() == 1; }));
  }
  SUBCASE("not known") {
    b.start("tokens = [1]", "ws://no-such-host.invalid");
    CHECK(b.event("dial_failed").find("cannot look up no-such-host.invalid") != std::string::npos);
  }
}

std::string refusal(const std::string& settings) {
  try {
    harness run{plugin_of<source>, settings,
                testing::options{.real_time = true, .environment = {}}};
  } catch (const std::runtime_error& wrong) {
    return wrong.what();
  }
  return "";
}

TEST_CASE("a bad configuration is refused, saying where and what is allowed") {
  const std::string keys = "api_key = \"k\"\naccess_token = \"t\"\n";
  const auto refused_for = [&](const std::string& settings, std::string_view part) {
    CAPTURE(settings);
    const std::string found = refusal(keys + settings);
    CAPTURE(found);
    CHECK(found.find(part) != std::string::npos);
  };
  CHECK(refusal("tokens = [1]").find("api_key") != std::string::npos);
  refused_for("", "no instrument is chosen");
  refused_for("tokens = [1]\nurl = \"http://x\"", "ws://");
  refused_for("tokens = [\"NSE:INFY\"]", "belong in symbols");
  refused_for("tokens = [0]", "'0'");
  refused_for("tokens = [1]\nsymbols = [\"NSE:INFY\"]", "needs an instruments file");
  refused_for("tokens = [1]\nmarket_hours = \"9-5\"", "HH:MM-HH:MM");
  refused_for("tokens = [1]\nbackoff_first = \"10s\"\nbackoff_max = \"1s\"", "backoff_max");
  refused_for("tokens = [1]\nconnections = 4", "connections");
  refused_for("tokens = [1]\nca_file = \"x.pem\"\nurl = \"ws://127.0.0.1\"", "wss://");
  refused_for("tokens = [1]\nca_file = \"/no/such.pem\"", "/no/such.pem");
  refused_for("instruments = \"/no/such.csv\"", "/no/such.csv");
}

}  // namespace
}  // namespace sluice::kite_source::kite_source_test
