#include "reading.hpp"

#include <doctest/doctest.h>

using namespace sluice::backpressure_monitor;

namespace {

constexpr const char* whole = R"({
  "uptime_s": 12.5, "pending": 321,
  "total": {"created": 1000, "published": 900, "failed": 7, "unknown": 3, "dropped":
    {"sampled": 1, "shed": 2, "circuit_open": 4, "overflow": 8, "conflated": 16, "expired": 32,
     "oversize": 64, "malformed": 128, "unrouted": 256, "fault": 512, "shutdown": 1024}},
  "stages": [
    {"name": "feed", "kind": "source", "count": {"created": 800, "copied": 300}},
    {"name": "other", "kind": "source", "count": {"created": 500}},
    {"name": "half", "kind": "transform", "count": {"created": 77}},
    {"name": "a", "kind": "sink", "metrics": {"connect_failures": 3, "reconnects": 1},
     "latency": {"mean_s": 0.1, "p50_s": 0.2, "p95_s": 0.3, "p99_s": 0.4},
     "latency_longer": {"mean_s": 0.01, "p50_s": 0.02, "p95_s": 0.03, "p99_s": 0.9}},
    {"name": "b", "kind": "sink", "metrics": {"reconnects": 2},
     "latency": {"mean_s": 0.15, "p50_s": 0.1, "p95_s": 0.2, "p99_s": 0.8},
     "latency_longer": {"mean_s": 0.05, "p50_s": 0.06, "p95_s": 0.07, "p99_s": 0.08}}]})";

}  // namespace

TEST_CASE("a status document is read whole") {
  const auto got = read(whole);
  REQUIRE(got);
  CHECK(got->at_s == 12.5);
  CHECK(got->pending == 321);
  CHECK(at(got->total, total::received) == 1000);  // copies were received once
  CHECK(at(got->total, total::published) == 900);
  CHECK(at(got->total, total::failed) == 7);
  CHECK(at(got->total, total::unknown) == 3);
  CHECK(at(got->total, total::dropped_policy) == 63);
  CHECK(at(got->total, total::dropped_fault) == 64 + 128 + 256 + 512 + 1024);
  CHECK(at(got->total, total::connection_errors) == 6);
  CHECK(at(got->total, total::cpu_seconds) == 0);
}

TEST_CASE("the latencies are those of the sink whose p95 is worst, in each window by itself") {
  const auto got = read(whole);
  REQUIRE(got);
  CHECK(got->latency_1s.average == 0.1);
  CHECK(got->latency_1s.p50 == 0.2);
  CHECK(got->latency_1s.p95 == 0.3);
  CHECK(got->latency_1s.p99 == 0.4);
  CHECK(got->latency_longer.average == 0.05);
  CHECK(got->latency_longer.p99 == 0.08);
}

TEST_CASE("what is missing, or is of another kind, counts as nothing") {
  for (const char* text : {R"({"uptime_s": 1})", R"({"uptime_s": 1, "total": 3, "stages": {}})",
                           R"({"uptime_s": 1, "total": {"dropped": []}, "stages": [1, null, {}]})",
                           R"({"uptime_s": 1, "stages": [{"kind": 1}, {"kind": "sink"},
                               {"kind": "sink", "metrics": [], "latency": "x"},
                               {"kind": "source"}, {"kind": "source", "count": {"created": "5"}}]})",
                           R"({"uptime_s": 1, "pending": "many"})"}) {
    INFO(text);
    const auto got = read(text);
    REQUIRE(got);
    CHECK(got->at_s == 1);
    CHECK(got->pending == 0);
    CHECK(got->total == totals{});
    CHECK(got->latency_1s.p95 == 0);
  }
}

TEST_CASE("what is no status document is told apart") {
  for (const char* text :
       {"", "{", "[]", "7", "\"uptime_s\"", "{}", R"({"uptime": 3})", R"({"uptime_s": 1} x)"}) {
    INFO(text);
    CHECK_FALSE(read(text));
  }
}
