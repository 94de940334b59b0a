// Routing, access and limits; the last over real sockets, in a harness.
#include "http_admin.hpp"

#include "access.hpp"
#include "routes.hpp"
#include "views.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>

#include <set>
#include <stdexcept>

using namespace sluice;
using namespace sluice::http_admin;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

constexpr const char* status_text = R"({
  "pipeline": "ticker", "file": "t.toml", "config_hash": "ab", "version": "0.1.0",
  "phase": "running", "time": "2026-11-26T03:45:00.000Z", "uptime_s": 5, "level": "CRITICAL",
  "level_cause": "redis: pending 900 >= 500", "level_changes": [], "received_per_s": 1000,
  "published_per_s": 800, "pending": 900, "keys": 3, "max_keys": 10, "stopped_by": "",
  "hung_stage": "", "held": 900, "imbalance": 0,
  "total": {"created": 5000, "published": 4000, "failed": 3, "unknown": 2,
            "dropped": {"sampled": 90, "shed": 5}},
  "stages": [
    {"name": "guard", "plugin": "circuit_breaker", "kind": "guard", "lane": 1, "bypassed": false,
     "queue": {"records": 800},
     "count": {"dropped": {"circuit_open": 7}}, "metrics": {"state": 4}},
    {"name": "redis", "plugin": "redis_sink", "kind": "sink", "lane": 1, "in_flight": 100, "receivers": 2,
     "count": {"published": 4000, "failed": 3, "unknown": 2, "dropped": {"sampled": 0}},
     "out_per_s": 800, "level": "CRITICAL", "level_cause": "pending",
     "latency": {"mean_s": 0.002, "p50_s": 0.001, "p95_s": 0.004, "p99_s": 0.008, "max_s": 0.01},
     "demand": {"ratio": 0.9}, "metrics": {}},
    {"name": "monitor", "plugin": "backpressure_monitor", "kind": "service", "lane": 2,
     "metrics": {"memory_bytes": 1e6, "cpu_ratio_1s": 0.5, "error_ratio_1s": 0.25}}],
  "events": []})";

struct door final : pipeline_door {
  std::string status = status_text, secret = "open sesame";
  bool unreadable = false;
  std::vector<std::string> told, audited, refusals;

  std::optional<std::string> document(std::string_view what, std::uint64_t after) override {
    if (what == "status") return status;
    if (what == "metrics") return "up 1\n";
    if (what == "tap?stage=redis") return "{\"after\": " + std::to_string(after) + "}";
    if (what.starts_with("tap?")) throw std::invalid_argument{"no records pass a stage"};
    if (what == "events") return "{\"after\": " + std::to_string(after) + "}";
    return std::nullopt;
  }
  std::uint64_t command(std::string_view request) override {
    told.emplace_back(request);
    if (request.find("swap") != std::string_view::npos)
      throw std::runtime_error{"there is nothing called \"swap\" to do"};
    return told.size();
  }
  std::string token() override {
    if (unreadable) throw std::runtime_error{"no such file"};
    return secret;
  }
  void audit(std::string_view line) override { audited.emplace_back(line); }
  void refused(std::string_view line) override { refusals.emplace_back(line); }
};

request get(std::string_view target) {
  request made{"GET", target, "127.0.0.1:8080", "", "", "", "127.0.0.1", "127.0.0.1 port 5"};
  made.loopback = true;
  return made;
}
request post(std::string_view target, std::string_view body = "",
             std::string_view authorization = "Bearer open sesame") {
  request made = get(target);
  made.method = "POST";
  made.body = body;
  made.authorization = authorization;
  return made;
}

}  // namespace

TEST_CASE("a host is called by its address, localhost, or an allowed name") {
  const std::vector<std::string> allowed{"ticker.example"};
  for (const char* good : {"localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1",
                           "ticker.example:443", "Ticker.Example"})
    CHECK_MESSAGE(host_allowed(good, "127.0.0.1", allowed), good);
  for (const char* bad : {"", "evil.example", "127.0.0.2", "localhost.evil.example", "[::1]",
                          "ticker.example.evil", ":8080", "[::1"})
    CHECK_MESSAGE(!host_allowed(bad, "127.0.0.1", allowed), bad);
  CHECK(host_allowed("[::1]:8080", "::1", {}));
}

TEST_CASE("a bearer token is right, wrong, or not there") {
  CHECK(check_bearer("", "t") == credentials::missing);
  CHECK(check_bearer("Basic t", "t") == credentials::missing);
  CHECK(check_bearer("Bearer t", "t") == credentials::right);
  CHECK(check_bearer("bearer t", "t") == credentials::right);
  CHECK(check_bearer("Bearer ", "t") == credentials::wrong);
  CHECK(check_bearer("Bearer tt", "t") == credentials::wrong);
  CHECK(check_bearer("Bearer u", "t") == credentials::wrong);
}

TEST_CASE("a page gives the token as a WebSocket's subprotocol, in hex") {
  CHECK(check_protocols("", "tö") == credentials::missing);
  CHECK(check_protocols("sluice", "tö") == credentials::missing);
  CHECK(check_protocols("sluice, sluice.bearer.74c3b6", "tö") == credentials::right);
  CHECK(check_protocols("sluice.bearer.74C3B6", "tö") == credentials::wrong);
  CHECK(check_protocols("sluice, sluice.bearer.74", "tö") == credentials::wrong);
  CHECK(check_protocols("sluice.bearer.", "tö") == credentials::wrong);
  CHECK(check_protocols(",, =;\"", "tö") == credentials::missing);
  CHECK(offers_live("chat, sluice"));
  CHECK(!offers_live("sluice.bearer.74"));

  door to;
  request far = get(live_path);
  far.loopback = false;
  CHECK(admit_live(far, {}, to).status == 401);
  far.protocols = "sluice, sluice.bearer.00";
  CHECK(admit_live(far, {}, to).status == 403);
  far.protocols = "sluice, sluice.bearer.6f70656e20736573616d65";
  CHECK(admit_live(far, {}, to).status == 101);
  CHECK(respond(get(live_path), {}, to).status == 426);
}

TEST_CASE("the requirement's paths say what it describes") {
  door to;
  const auto body = [&](std::string_view path) {
    const answer made = respond(get(path), {}, to);
    CHECK(made.status == 200);
    return json::parse(made.body).as_object();
  };
  const object status = body("/advanced/backpressure/status");
  CHECK(status.at("level").as_string() == "CRITICAL");
  CHECK(status.at("level_number") == 2);
  CHECK(status.at("rate_ratio").to_number<double>() == doctest::Approx(0.8));
  CHECK(status.at("latency").at("p95_ms").to_number<double>() == doctest::Approx(4));
  CHECK(status.at("dropped_total") == 95);
  const object measured = body("/advanced/backpressure/metrics");
  CHECK(measured.at("system").at("memory_bytes") == 1e6);
  CHECK(measured.at("errors").at("error_ratio_1s") == 0.25);
  CHECK(measured.at("errors").at("failed_total") == 3);
  const object breakers = body("/advanced/backpressure/circuit-breaker");
  CHECK(breakers.at("breakers").at(0).at("state").as_string() == "FORCED_OPEN");
  CHECK(breakers.at("breakers").at(0).at("refused_total") == 7);
  const object stats = body("/advanced/backpressure/publisher-stats");
  CHECK(stats.at("publishers").at(0).at("published_total") == 4000);
  CHECK(stats.at("publishers").at(0).at("queue").at("records") == 800);
  CHECK(respond(get("/metrics"), {}, to).body == "up 1\n");
}

TEST_CASE("a tap is read from a number on, and shown live; its mistakes are the asker's") {
  door to;
  CHECK(respond(get("/api/v1/tap?stage=redis"), {}, to).body == "{\"after\": 0}\n");
  CHECK(respond(get("/api/v1/tap?stage=redis&after=7"), {}, to).body == "{\"after\": 7}\n");
  CHECK(respond(get("/api/v1/tap?stage=redis&after=x"), {}, to).status == 400);
  CHECK(respond(get("/api/v1/tap?after=7&stage=redis"), {}, to).status == 400);
  const answer mistaken = respond(get("/api/v1/tap?stage=nobody"), {}, to);
  CHECK(mistaken.status == 400);
  CHECK(mistaken.body.find("no records pass a stage") != std::string::npos);
  CHECK(admit_live(get("/api/v1/tap?stage=redis"), {}, to).body == "tap?stage=redis");
  CHECK(admit_live(get("/api/v1/tap?stage=nobody"), {}, to).status == 400);
  request far = get("/api/v1/tap?stage=redis");
  far.loopback = false;
  CHECK(respond(far, {}, to).status == 401);
  CHECK(admit_live(far, {}, to).status == 401);
}

TEST_CASE("health and readiness fail at CRITICAL, liveness while a stage hangs") {
  door to;
  CHECK(respond(get("/health"), {}, to).status == 503);
  CHECK(respond(get("/readyz"), {}, to).status == 503);
  CHECK(respond(get("/livez"), {}, to).status == 200);
  to.status.replace(to.status.find("\"CRITICAL\""), 10, "\"WARNING\"");
  const answer fine = respond(get("/health"), {}, to);
  CHECK(fine.status == 200);
  CHECK(json::parse(fine.body).at("status").as_string() == "ok");
  CHECK(respond(get("/readyz"), {}, to).status == 200);
  to.status.replace(to.status.find("\"running\""), 9, "\"draining\"");
  CHECK(respond(get("/readyz"), {}, to).status == 503);
  to.status.replace(to.status.find("\"hung_stage\": \"\""), 16, "\"hung_stage\": \"redis\"");
  CHECK(respond(get("/livez"), {}, to).status == 503);
}

TEST_CASE("what changes something is a POST with the token, and leaves a line") {
  door to;
  const answer done = respond(post("/api/v1/breaker", R"({"state": "open"})"), {}, to);
  CHECK(done.status == 202);
  CHECK(json::parse(done.body).at("operation") == 1);
  REQUIRE(to.told.size() == 1);
  const object told = json::parse(to.told[0]).as_object();
  CHECK(told.at("do").as_string() == "breaker");
  CHECK(told.at("state").as_string() == "open");
  CHECK(to.audited == std::vector<std::string>{"127.0.0.1 port 5: breaker: operation 1"});

  const answer by_get = respond(get("/api/v1/breaker"), {}, to);
  CHECK(by_get.status == 405);
  CHECK(by_get.allow == "POST");
  CHECK(respond(post("/metrics"), {}, to).status == 405);
  const answer anonymous = respond(post("/api/v1/breaker", "{}", ""), {}, to);
  CHECK(anonymous.status == 401);
  CHECK(anonymous.asks_for_token);
  CHECK(respond(post("/api/v1/breaker", "{}", "Bearer guess"), {}, to).status == 403);
  to.secret.clear();
  CHECK(respond(post("/api/v1/breaker", "{}", "Bearer "), {}, to).status == 403);
  to.unreadable = true;
  CHECK(respond(post("/api/v1/breaker"), {}, to).status == 503);
  CHECK(to.told.size() == 1);
  CHECK(to.refusals.size() == 4);
  for (const std::string& line : to.refusals) CHECK(line.find("guess") == std::string::npos);
}

TEST_CASE("a command's body cannot be another command, and bad ones are refused") {
  door to;
  respond(post("/api/v1/level", R"({"do": "swap", "level": "HEALTHY"})"), {}, to);
  REQUIRE(to.told.size() == 1);
  CHECK(json::parse(to.told[0]).at("do").as_string() == "level");
  CHECK(respond(post("/api/v1/level", "[]"), {}, to).status == 400);
  CHECK(respond(post("/api/v1/level", "{"), {}, to).status == 400);
  CHECK(respond(post("/api/v1/swap"), {}, to).status == 422);
}

TEST_CASE("other machines read health and metrics, and with the token the rest") {
  door to;
  request asked = get("/api/v1/config");
  asked.loopback = false;
  CHECK(respond(asked, {}, to).status == 401);
  asked.target = "/api/v1/events";
  asked.authorization = "Bearer open sesame";
  CHECK(respond(asked, {}, to).status == 200);
  asked.authorization = "";
  asked.target = "/metrics";
  CHECK(respond(asked, {}, to).status == 200);
}

TEST_CASE("wrong hosts, paths and queries") {
  door to;
  request foreign = get("/metrics");
  foreign.host = "evil.example";
  CHECK(respond(foreign, {}, to).status == 421);
  for (const char* none : {"/nothing", "/../etc/passwd", "/metrics/", "", "//", "/METRICS"})
    CHECK_MESSAGE(respond(get(none), {}, to).status == 404, none);
  CHECK(respond(get("/api/v1/events?after=7"), {}, to).body == "{\"after\": 7}\n");
  for (const char* bad : {"?after=", "?after=x", "?after=-1", "?x=1", "?after=1&b=2"})
    CHECK_MESSAGE(respond(get(std::string{"/api/v1/events"} + bad), {}, to).status == 400, bad);
}

TEST_CASE("a page of another origin opens no WebSocket") {
  door to;
  request asked = get(live_path);
  CHECK(admit_live(asked, {}, to).status == 101);
  asked.origin = "http://localhost:8080";
  CHECK(admit_live(asked, {}, to).status == 101);
  for (const char* other : {"https://evil.example", "null", "http://localhost.evil.example"}) {
    asked.origin = other;
    CHECK_MESSAGE(admit_live(asked, {}, to).status == 403, other);
  }
  asked = get("/api/v1/stages");
  CHECK(admit_live(asked, {}, to).status == 404);
}

TEST_CASE("openapi.json has every path with its methods, and no other") {
  door to;
  std::set<std::string> documented, served;
  const json::value document = json::parse(respond(get("/openapi.json"), {}, to).body);
  for (const auto& path : document.at("paths").as_object())
    for (const auto& method : path.value().as_object())
      documented.insert(std::string{path.key()} + " " + std::string{method.key()});
  for (const auto& [path, methods] : paths()) {
    if (methods.find("GET") != std::string_view::npos) served.insert(std::string{path} + " get");
    if (methods.find("POST") != std::string_view::npos) served.insert(std::string{path} + " post");
  }
  CHECK(documented == served);
}

namespace {

/// A service in a harness, and clients that do not block it.
struct running {
  sluice::testing::harness run;
  std::uint16_t port = 0;
  boost::asio::io_context io;

  explicit running(const std::string& settings = "")
      : run{plugin_of<service>, "listen = \"127.0.0.1:0\"\n" + settings, {.real_time = true}} {
    run.document("status", status_text);
    run.document("metrics", "up 1\n");
    REQUIRE(run.run_until([&] { return run.metric("port") > 0; }));
    port = static_cast<std::uint16_t>(run.metric("port"));
  }
  boost::asio::ip::tcp::socket connect() {
    boost::asio::ip::tcp::socket made{io};
    made.connect({boost::asio::ip::address_v4::loopback(), port});
    made.non_blocking(true);
    return made;
  }
  /// What came until the end, or until `enough` is in it.
  std::string receive(boost::asio::ip::tcp::socket& from, const std::string& enough = "\n\n\n") {
    std::string all;
    const bool ended = run.run_until([&] {
      char part[4096];
      boost::system::error_code error;
      const std::size_t size = from.read_some(boost::asio::buffer(part), error);
      all.append(part, size);
      return (error && error != boost::asio::error::would_block) ||
             all.find(enough) != std::string::npos;
    });
    CHECK(ended);
    return all;
  }
  std::string ask(const std::string& text, const std::string& enough = "\n\n\n") {
    auto client = connect();
    boost::system::error_code ignored;
    boost::asio::write(client, boost::asio::buffer(text), ignored);
    return receive(client, enough);
  }
};

constexpr const char* last = "Host: localhost\r\nConnection: close\r\n\r\n";

}  // namespace

TEST_CASE("served over a socket, one request after the other, with headers that protect") {
  running on;
  const std::string page = on.ask(std::string{"GET / HTTP/1.1\r\n"} + last);
  CHECK(page.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(page.find("Content-Security-Policy: default-src 'none'") != std::string::npos);
  CHECK(page.find("<!doctype html>") != std::string::npos);
  const std::string two = on.ask(std::string{"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
                                             "HEAD /metrics HTTP/1.1\r\n"} +
                                 last);
  CHECK(two.find("up 1\n") != std::string::npos);
  CHECK(two.find("HTTP/1.1 200", 10) != std::string::npos);
  CHECK(two.ends_with("\r\n\r\n"));  // HEAD has no body
}

TEST_CASE("a WebSocket that offers subprotocols is answered with the one that names no token") {
  running on;
  const auto upgrade = [&](const std::string& more) {
    return on.ask(
        "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
            more + "\r\n",
        "\r\n\r\n");
  };
  const std::string chosen = upgrade("Sec-WebSocket-Protocol: sluice, sluice.bearer.6f70\r\n");
  CHECK(chosen.starts_with("HTTP/1.1 101 "));
  CHECK(chosen.find("\r\nSec-WebSocket-Protocol: sluice\r\n") != std::string::npos);
  const std::string without = upgrade("");
  CHECK(without.starts_with("HTTP/1.1 101 "));
  CHECK(without.find("Sec-WebSocket-Protocol") == std::string::npos);
}

TEST_CASE("what is too large, too slow or no HTTP is refused, in time") {
  running on{"request_limit = \"100ms\"\nbody_limit = \"1KiB\"\n"};
  CHECK(
      on.ask("POST /api/v1/level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\nx",
             "too large")
          .starts_with("HTTP/1.1 413 "));
  CHECK(on.ask("GET / HTTP/1.1\r\nX: " + std::string(10'000, 'x'), "too large")
            .starts_with("HTTP/1.1 431 "));
  CHECK(on.ask("\x16\x03\x01 hello\r\n\r\n", "not an").starts_with("HTTP/1.1 400 "));
  CHECK(on.ask("GET / HTTP/1.1\r\nHost: loc") == "");  // it never ends: cut
  CHECK(on.ask("GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", "Host headers")
            .starts_with("HTTP/1.1 400 "));
  CHECK(on.run.metric("cut") >= 4);
}

TEST_CASE("idle connections do not keep a probe out") {
  running on{"connections = 4\n"};
  std::vector<boost::asio::ip::tcp::socket> idle;
  for (int i = 0; i < 12; ++i) idle.push_back(on.connect());
  CHECK(on.ask(std::string{"GET /livez HTTP/1.1\r\n"} + last).starts_with("HTTP/1.1 200"));
  CHECK(on.run.metric("connections") <= 4);
  CHECK(on.run.metric("displaced") >= 8);
}

TEST_CASE("a command over a socket reaches the host, the token is in no log") {
  running on{"token = \"open sesame\"\n"};
  const std::string body = R"({"level": "CRITICAL"})";
  const std::string rest = "Content-Length: " + std::to_string(body.size()) + "\r\n" + last + body;
  CHECK(on.ask("POST /api/v1/level HTTP/1.1\r\nAuthorization: Bearer open sesame\r\n" + rest)
            .starts_with("HTTP/1.1 202"));
  CHECK(on.ask("POST /api/v1/level HTTP/1.1\r\n" + rest).find("WWW-Authenticate: Bearer") !=
        std::string::npos);
  CHECK(on.run.commands().size() == 1);
  bool audited = false;
  for (const auto& event : on.run.events()) {
    audited |= event.kind == "admin";
    CHECK(event.text.find("sesame") == std::string::npos);
  }
  CHECK(audited);
  for (const auto& line : on.run.logs()) CHECK(line.text.find("sesame") == std::string::npos);
}
