#include "backpressure_monitor.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <ctime>
#include <string>

using sluice::testing::harness;

namespace {

constexpr auto& plugin = sluice::plugin_of<sluice::backpressure_monitor::backpressure_monitor>;
constexpr auto second = std::chrono::seconds{1};

/// A document as the host makes it, of a pipeline that began `at_s` ago.
std::string status(double at_s, double received, double published, double failed = 0) {
  const auto text = [](double number) { return std::to_string(number); };
  return R"({"uptime_s": )" + text(at_s) + R"(, "pending": 42, "total": {"published": )" +
         text(published) + R"(, "failed": )" + text(failed) +
         R"(, "unknown": 0, "dropped": {"sampled": )" + text(received - published - failed) +
         R"(, "fault": 0}}, "stages": [{"kind": "source", "count": {"created": )" + text(received) +
         R"(, "copied": 0}}, {"kind": "sink", "metrics": {"connect_failures": )" + text(at_s) +
         R"(}, "latency": {"mean_s": 0.001, "p50_s": 0.002, "p95_s": 0.003, "p99_s": 0.004},
             "latency_longer": {"mean_s": 0.01, "p50_s": 0.02, "p95_s": 0.03, "p99_s": 0.04}}]})";
}

std::string error_of(std::string_view settings, const sluice::testing::options& with = {}) {
  try {
    harness{plugin, settings, with};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("1.A: it reads the pipeline every second and exports what it makes of it") {
  harness run{plugin};
  for (int i = 0; i <= 60; ++i) {
    // The last second alone is slow: 100 of 1000 published.
    const double published = i < 60 ? i * 1000.0 : 59'100.0;
    run.document("status", status(i, i * 1000.0, published));
    run.advance(second);
  }
  SUBCASE("ingestion rate") {
    CHECK(run.metric("ingestion_rate_1s") == doctest::Approx(1000));
    CHECK(run.metric("ingestion_rate_60s") == doctest::Approx(1000));
  }
  SUBCASE("publish rate") {
    CHECK(run.metric("publish_rate_1s") == doctest::Approx(100));
    CHECK(run.metric("publish_rate_60s") == doctest::Approx(985));
    CHECK(run.metric("dropped_policy_rate_1s") == doctest::Approx(900));
    CHECK(run.metric("dropped_fault_rate_1s") == 0);
  }
  SUBCASE("rate ratio") {
    CHECK(run.metric("rate_ratio_1s") == doctest::Approx(0.1));
    CHECK(run.metric("rate_ratio_60s") == doctest::Approx(0.985));
  }
  SUBCASE("publish latency: average, p95, p99") {
    CHECK(run.metric("publish_latency_avg_seconds_1s") == 0.001);
    CHECK(run.metric("publish_latency_p95_seconds_1s") == 0.003);
    CHECK(run.metric("publish_latency_p99_seconds_1s") == 0.004);
    CHECK(run.metric("publish_latency_p95_seconds_60s") == 0.03);
  }
  SUBCASE("queue depth") {
    CHECK(run.metric("queue_depth") == 42);
    CHECK(run.metric("queue_depth_max_60s") == 42);
  }
  SUBCASE("error rates: connections and publishes") {
    CHECK(run.metric("connection_error_rate_1s") == doctest::Approx(1));
    CHECK(run.metric("error_ratio_60s") == 0);
  }
  SUBCASE("system resources: memory and CPU") {
    CHECK(run.metric("memory_bytes") > 0);
    CHECK(run.metric("memory_ratio") > 0);
    CHECK(run.metric("cpu_cores") > 0);
  }
  CHECK(run.faults() == 0);
}

TEST_CASE("the first reading makes no rates and is no alarm") {
  harness run{plugin};
  run.document("status", status(1000, 5e6, 1e6, 3e6));
  run.advance(second);
  CHECK(run.metric("ingestion_rate_1s") == 0);
  CHECK(run.metric("rate_ratio_1s") == 1);
  CHECK(run.metric("error_ratio_1s") == 0);
  CHECK(run.metric("queue_depth") == 42);
}

TEST_CASE("publishes that fail are a signal for as long as they do, if they are not too few") {
  harness run{plugin, "memory_warning = 0\nmemory_critical = 0\nmemory_overload = 0"};
  const auto read = [&](double at_s, double received, double published, double failed) {
    run.document("status", status(at_s, received, published, failed));
    run.advance(second);
    return run.signals();
  };
  CHECK(read(1, 0, 0, 0).empty());
  CHECK(read(2, 19, 0, 19).empty());
  const auto some = read(3, 119, 95, 24);
  REQUIRE(some.size() == 1);
  CHECK(some[0].name == "error_rate");
  CHECK(some[0].level == sluice::level::warning);
  CHECK(some[0].cause == "error_rate 5 % >= 1 %");
  const auto all = read(4, 139, 95, 44);
  REQUIRE(all.size() == 1);
  CHECK(all[0].level == sluice::level::overload);
  CHECK(read(5, 239, 195, 44).empty());
  CHECK(read(6, 259, 195, 64).size() == 1);
  CHECK(read(7, 259, 195, 64).empty());  // nothing is published any more
}

TEST_CASE("memory is a signal at once, CPU when the longer window is full") {
  harness run{plugin,
              "window = \"2s\"\nmemory_warning = 1e-9\nmemory_critical = 0\n"
              "memory_overload = 0\ncpu_warning = 1e-6"};
  for (int i = 1; i <= 3; ++i) {
    run.document("status", status(i, 0, 0));
    run.advance(second);
    const auto got = run.signals();
    REQUIRE(got.size() == (i < 3 ? 1 : 2));
    CHECK(got[0].name == "memory");
    CHECK(got[0].level == sluice::level::warning);
    if (i == 3) CHECK(got[1].name == "cpu");
    for (const auto began = std::clock(); std::clock() - began < CLOCKS_PER_SEC / 20;) {
    }
  }
}

TEST_CASE("without a document, or one it cannot read, the figures stand still") {
  harness run{plugin};
  CHECK(run.logs().size() == 1);  // a host that answers nothing
  run.document("status", status(1, 0, 0));
  run.advance(second);
  run.document("status", status(2, 500, 500));
  run.advance(second);
  CHECK(run.logs().empty());
  run.document("status", "{\"uptime_s\":");
  run.advance(5 * second);
  CHECK(run.metric("ingestion_rate_1s") == 500);
  CHECK(run.logs().size() == 5);
  run.fail_host_call(1);
  run.advance(second);
  CHECK(run.faults() == 0);
}

TEST_CASE("the longer window is the requirement's variable, in seconds") {
  harness run{plugin, "", {.environment = {{"BACKPRESSURE_WINDOW_SECONDS", "30"}}}};
  for (int i = 0; i <= 100; ++i) {
    run.document("status", status(i, i < 50 ? 0 : (i - 50) * 10.0, 0));
    run.advance(second);
    if (i == 65) CHECK(run.metric("ingestion_rate_30s") == doctest::Approx(5));
  }
  CHECK(run.metric("ingestion_rate_30s") == doctest::Approx(10));
  CHECK_THROWS_AS(run.metric("ingestion_rate_60s"), std::out_of_range);
  CHECK(run.metric("publish_latency_p95_seconds_30s") == 0.03);
  CHECK_THROWS_AS(run.metric("publish_latency_p95_seconds_60s"), std::out_of_range);
  CHECK(contains(error_of("", {.environment = {{"BACKPRESSURE_WINDOW_SECONDS", "0"}}}),
                 "BACKPRESSURE_WINDOW_SECONDS"));
  CHECK(contains(error_of("window = \"2h\""), "window"));
  CHECK(error_of("window = \"1h\"").empty());
}

TEST_CASE("it reads more often if it is told so") {
  harness run{plugin, "interval = \"100ms\""};
  for (int i = 0; i <= 50; ++i) {
    run.document("status", status(0.1 * i, i < 40 ? 0 : i - 40, 0));
    run.advance(std::chrono::milliseconds{100});
  }
  CHECK(run.metric("ingestion_rate_1s") == doctest::Approx(10));
  CHECK(run.metric("ingestion_rate_60s") == doctest::Approx(2));
}

TEST_CASE("thresholds that contradict each other are refused by name") {
  CHECK(contains(error_of("memory_warning = 0.9"),
                 "memory_critical: 0.85 is not above memory_warning (0.9)"));
  CHECK(contains(error_of("cpu_critical = 0.5"), "cpu_critical"));
  CHECK(contains(error_of("error_rate_overload = 1.5"), "error_rate_overload"));
  CHECK(
      error_of("error_rate_warning = 0\nerror_rate_critical = 0\nerror_rate_overload = 0").empty());
}
