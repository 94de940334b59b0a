// What becomes of what a ticker on the loopback sends.
#include "tested_source.hpp"

#include <kite/text.hpp>

#include <algorithm>
#include <stdexcept>

using namespace std::chrono_literals;

namespace sluice::kite_source::kite_source_test {
namespace {

constexpr const char* token_encoded = "to%2Fken%2B1%3D";

TEST_CASE("ticks become records, and what is subscribed is what was configured") {
  tested_source b;
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
  tested_source b;
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

TEST_CASE("order updates are records of priority 0, once, whichever socket brings them") {
  tested_source b;
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
  tested_source b;
  b.start_open("tokens = [408065]\norders = false");
  b.server.send_text(kite::order_text(R"({"order_id":"1"})"));
  b.server.send(frame_of({tick(408'065, kite::packet_kind::ltp)}));
  REQUIRE(b.got_records(1));
  CHECK(b.got.size() == 1);
  CHECK(b.got[0].schema == "kite.tick/1");
}

TEST_CASE("what the server says is an event, without secrets") {
  tested_source b;
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
  tested_source b;
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
  tested_source b;
  b.start_open("tokens = [408065]\nmessage_limit = \"64KiB\"");
  b.server.send(std::vector<std::uint8_t>(70'000, 0));
  REQUIRE(b.until([&] { return b.server.targets().size() == 2 && b.server.open() == 1; }));
  REQUIRE(b.until([&] { return b.server.texts().size() == 4; }));
  b.server.send(frame_of({tick(408'065, kite::packet_kind::ltp)}));
  CHECK(b.got_records(1));
}

TEST_CASE("a push that the host refuses is a fault, and the feed goes on") {
  tested_source b;
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
  tested_source b;
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
  tested_source b;
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
