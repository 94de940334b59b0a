#include "control.hpp"

#include "greeting.hpp"
#include "ticker.hpp"

#include <doctest/doctest.h>

namespace control_test {

using namespace sluice;
using namespace sluice::kite_server;
using namespace std::chrono_literals;

namespace {

http_answer refusal(std::string_view method, std::string_view target, std::string_view body) {
  const control_request asked = parse_control(method, target, body);
  REQUIRE(std::holds_alternative<http_answer>(asked));
  return std::get<http_answer>(asked);
}

}  // namespace

TEST_CASE("control: each request is read") {
  CHECK(std::holds_alternative<want_status>(parse_control("GET", "/status?x=1", "")));

  const auto silence =
      parse_control("POST", "/misbehave", R"({"mode": "silence", "seconds": 1.5})");
  REQUIRE(std::holds_alternative<want_misbehaviour>(silence));
  CHECK(std::get<want_misbehaviour>(silence).mode == misbehaviour::silence);
  CHECK(std::get<want_misbehaviour>(silence).lasts == 1500ms);

  const auto order = parse_control("POST", "/order", R"({ "order_id": "1" })");
  REQUIRE(std::holds_alternative<want_text>(order));
  CHECK(std::get<want_text>(order).text == R"({"type":"order","data":{"order_id":"1"}})");

  const auto notice = parse_control("POST", "/message", R"({"type":"error","data":"no \"x\""})");
  REQUIRE(std::holds_alternative<want_text>(notice));
  CHECK(std::get<want_text>(notice).text == R"({"type":"error","data":"no \"x\""})");

  const auto token = parse_control("POST", "/token", R"({"token": "new"})");
  REQUIRE(std::holds_alternative<want_token>(token));
  CHECK(std::get<want_token>(token).accepted == "new");
}

TEST_CASE("control: what is wrong is answered with what is allowed") {
  CHECK(refusal("GET", "/", "").status == 404);
  const http_answer method = refusal("POST", "/status", "");
  CHECK(method.status == 405);
  CHECK(method.allow == "GET");
  CHECK(refusal("GET", "/order", "").allow == "POST");
  CHECK(refusal("POST", "/order", "{").body.find("not JSON") != std::string::npos);
  CHECK(refusal("POST", "/order", "[1]").body == R"({"error":"the body is not a JSON object"})");
  CHECK(refusal("POST", "/misbehave", R"({"mode":"slow"})").body.find("slow_drip") !=
        std::string::npos);
  for (const char* seconds : {"0", "-1", "1e9", "\"5\"", "null"}) {
    CAPTURE(seconds);
    const std::string body = R"({"mode":"none","seconds":)" + std::string{seconds} + "}";
    CHECK(refusal("POST", "/misbehave", body).status == 400);
  }
  CHECK(refusal("POST", "/message", R"({"type":"order","data":"x"})").status == 400);
  CHECK(refusal("POST", "/token", R"({"token":""})").status == 400);
  const std::string deep(1'000, '[');
  CHECK(refusal("POST", "/order", R"({"a":)" + deep).status == 400);
}

TEST_CASE("control: the status says who is there and what was sent") {
  ticker broker{{}};
  client* one = broker.connect("key", time_point{});
  broker.request(*one, R"({"a":"subscribe","v":[1,2]})", time_point{});
  broker.request(*one, R"({"a":"mode","v":["full",[2]]})", time_point{});
  server_counts counts;
  counts.listening = "127.0.0.1:1";
  counts.refused_403 = 3;
  const std::string status = status_json(counts, broker);
  CAPTURE(status);
  for (const char* part :
       {R"("listening":"127.0.0.1:1")", R"("misbehave":"none")", R"("403":3)", R"("subscribed":2)",
        R"("modes":{"ltp":0,"quote":1,"full":1})", R"("requests":2)"})
    CHECK(status.find(part) != std::string::npos);
  CHECK(status.find("key\"") == std::string::npos);
}

TEST_CASE("greeting: as observed at the broker") {
  CHECK(app_code_text(std::chrono::seconds{1754295628}) ==
        R"({"type":"app_code","timestamp":"2025-08-04T13:50:28+05:30"})");
  CHECK(instruments_meta_text(12) ==
        R"({"type":"instruments_meta","data":{"count":12,"etag":"W/\"12\""}})");
}

}  // namespace control_test
