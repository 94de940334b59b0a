// A connection's life, against a ticker on the loopback.
#include "tested_source.hpp"

#include "market_hours.hpp"
#include "reader_watch.hpp"

#include <algorithm>
#include <utility>

using namespace std::chrono_literals;

namespace sluice::kite_source::connection_test {
namespace {

TEST_CASE("a lost connection comes back with its modes, and the gap is told") {
  tested_source b;
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
  tested_source b;
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
  tested_source b;
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
  tested_source b;
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
  tested_source b;
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
  tested_source b;
  b.start_open();
  b.write_token("another");
  b.until([] { return false; }, 300ms);
  CHECK(b.server.targets().size() == 1);
  b.server.cut();
  REQUIRE(b.until([&] { return b.server.targets().size() == 2; }));
  CHECK(b.server.targets()[1].ends_with("=another"));
}

TEST_CASE("429 backs off long, 400 stops, other answers are tried again") {
  tested_source b;
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
  tested_source b;
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
    tested_source b;
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
  tested_source b;
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
  tested_source b;
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

TEST_CASE("a gap that is not over at the end is told") {
  tested_source b;
  b.start_open();
  b.server.answer(503);
  b.server.cut();
  REQUIRE_FALSE(b.event("dial_failed").empty());
  CHECK(b.run->drain());
  CHECK(b.event("gap").find("not over when the source ended") != std::string::npos);
}

TEST_CASE("TLS: the server's certificate and name are checked") {
  tested_source b{loopback_server::transport::tls};
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
  tested_source b;
  SUBCASE("known") {
    b.start("tokens = [1]", "ws://localhost:" + std::to_string(b.server.port()));
    CHECK(b.until([&] { return b.server.open() == 1; }));
  }
  SUBCASE("not known") {
    b.start("tokens = [1]", "ws://no-such-host.invalid");
    CHECK(b.event("dial_failed").find("cannot look up no-such-host.invalid") != std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::kite_source::connection_test
