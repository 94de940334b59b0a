#include "telemetry/metrics.hpp"
#include "telemetry/status.hpp"
#include "telemetry/summary.hpp"

#include <doctest/doctest.h>
#include <boost/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace {

using namespace sluice;
using namespace sluice::telemetry;

runtime::snapshot example() {
  runtime::snapshot seen;
  seen.pipeline = "ticker";
  seen.config_hash = "abc";
  seen.changes_done = 7;
  seen.changes_refused = 2;
  seen.metrics_prefix = "ticker";
  seen.phase = runtime::phase::running;
  seen.uptime_ns = 90'000'000'000;
  seen.level = SLUICE_WARNING;
  seen.level_cause = "latency p95 12 ms >= 10 ms";

  runtime::stage_state source;
  source.name = "feed", source.plugin = "kite_source", source.version = "1.0.0";
  source.kind = "source";
  source.count.created = source.count.out = 5'000'000'300;
  source.count.copied = 300;
  source.rate_in_per_s = 1234.4;
  source.feed_age_ns = 2'500'000'000;

  runtime::stage_state guard;
  guard.name = "breaker", guard.plugin = "circuit_breaker", guard.kind = "guard";
  guard.queue = {true, 7, 10'000, 700, 16u << 20, 3'000'000, 4, "drop_oldest"};
  guard.metrics = {{"state", "0 closed, 1 open, 2 half open.", SLUICE_GAUGE, 1},
                   {"opened", "Times it opened.", SLUICE_COUNTER, 3}};

  runtime::stage_state sink;
  sink.name = "redis", sink.plugin = "redis_sink", sink.kind = "sink";
  sink.count.in = 5'000'000'000;
  sink.count.published = 4'999'999'980;
  sink.count.dropped[SLUICE_DROP_OVERFLOW] = 10;
  sink.count.dropped[SLUICE_DROP_FAULT] = 2;
  sink.in_flight = sink.held = 8;
  sink.rate_out_per_s = 1200;
  sink.latency = {2'000'000, 1'000'000, 12'000'000, 20'000'000, 30'000'000};
  sink.latencies.count[3] = 4;
  sink.latencies.count.back() = 1;
  sink.latencies.sum_s = 9.5;
  sink.ages.count[10] = 6, sink.ages.count[11] = 3, sink.ages.count[12] = 1;
  sink.ages.sum_s = 2.5;
  sink.latency_longer = {3'000'000, 2'000'000, 4'000'000, 5'000'000, 90'000'000};
  sink.demand = {1500, 1250, 0.833, 321};
  sink.level = SLUICE_WARNING;

  runtime::stage_state monitor;
  monitor.name = "monitor", monitor.plugin = "backpressure_monitor", monitor.kind = "service";
  monitor.signals = {{"memory", SLUICE_CRITICAL, "memory 91 % >= 85 %"}};

  seen.total.created = source.count.created - source.count.copied;
  seen.total.published = sink.count.published;
  seen.total.dropped = sink.count.dropped;
  seen.held = 8;
  seen.changes = {{SLUICE_WARNING, "latency", 5}, {SLUICE_HEALTHY, "recovery", 4}};
  seen.stages = {source, guard, sink, monitor};
  return seen;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("the requirement's metrics have its names and no labels") {
  const std::string text = prometheus_text(example());
  CHECK(has_line(text, "# TYPE ticker_ticks_received_total counter"));
  CHECK(has_line(text, "ticker_ticks_received_total 5000000000"));
  CHECK(has_line(text, "ticker_ticks_published_total 4999999980"));
  CHECK(has_line(text, "ticker_ticks_dropped_total 12"));
  CHECK(has_line(text, "# TYPE ticker_publish_latency_seconds histogram"));
  CHECK(has_line(text, "ticker_publish_latency_seconds_bucket{le=\"0.0005\"} 0"));
  CHECK(has_line(text, "ticker_publish_latency_seconds_bucket{le=\"0.001\"} 4"));
  CHECK(has_line(text, "ticker_publish_latency_seconds_bucket{le=\"+Inf\"} 5"));
  CHECK(has_line(text, "ticker_publish_latency_seconds_count 5"));
  CHECK(has_line(text, "ticker_publish_latency_seconds_sum 9.5"));
  CHECK(has_line(text, "ticker_pending_publishes 15"));
  CHECK(has_line(text, "ticker_backpressure_level 1"));
  CHECK(has_line(text, "ticker_ingestion_rate_per_sec 1234.4"));
  CHECK(has_line(text, "ticker_publish_rate_per_sec 1200"));
  CHECK(has_line(text, "ticker_circuit_breaker_state 1"));
}

TEST_CASE("the breaker of several is the one that lets least pass") {
  constexpr double closed = 0, open = 1, half_open = 2, disabled = 3, forced_open = 4;
  const auto worst = [](std::vector<double> states) {
    runtime::snapshot seen;
    for (const double state : states) {
      seen.stages.emplace_back().kind = "guard";
      seen.stages.back().metrics = {{"state", "", SLUICE_GAUGE, state}};
    }
    return summarize(seen).breaker;
  };
  CHECK(worst({}) == std::nullopt);
  CHECK(worst({disabled}) == disabled);
  CHECK(worst({closed, forced_open, half_open}) == forced_open);
  CHECK(worst({half_open, forced_open}) == forced_open);
  CHECK(worst({closed, open, half_open}) == open);
  CHECK(worst({disabled, half_open, closed}) == half_open);
}

TEST_CASE("how old records were when they were published") {
  const std::string text = prometheus_text(example());
  CHECK(has_line(text, "# TYPE sluice_sink_age_seconds histogram"));
  CHECK(has_line(text, "sluice_sink_age_seconds_bucket{stage=\"redis\",le=\"0.2\"} 6"));
  CHECK(has_line(text, "sluice_sink_age_seconds_bucket{stage=\"redis\",le=\"0.25\"} 9"));
  CHECK(has_line(text, "sluice_sink_age_seconds_bucket{stage=\"redis\",le=\"+Inf\"} 10"));
  CHECK(has_line(text, "sluice_sink_age_seconds_sum{stage=\"redis\"} 2.5"));
}

TEST_CASE("another prefix renames them") {
  runtime::snapshot seen = example();
  seen.metrics_prefix = "orders";
  const std::string text = prometheus_text(seen);
  CHECK(has_line(text, "orders_ticks_dropped_total 12"));
  CHECK(text.find("ticker_ticks") == std::string::npos);
}

TEST_CASE("every stage has its ledger, its queue and its own metrics") {
  const std::string text = prometheus_text(example());
  CHECK(has_line(text, "sluice_records_created_total{stage=\"feed\"} 5000000300"));
  CHECK(has_line(text, "sluice_records_copied_total{stage=\"feed\"} 300"));
  CHECK(has_line(text, "sluice_feed_age_seconds{stage=\"feed\"} 2.5"));
  CHECK(text.find("sluice_feed_age_seconds{stage=\"redis\"}") == std::string::npos);
  CHECK(has_line(text,
                 "sluice_records_dropped_total{stage=\"redis\",reason=\"overflow\","
                 "intentional=\"true\"} 10"));
  CHECK(has_line(text,
                 "sluice_records_dropped_total{stage=\"redis\",reason=\"fault\","
                 "intentional=\"false\"} 2"));
  CHECK(has_line(text, "sluice_queue_records{stage=\"breaker\"} 7"));
  CHECK(has_line(text, "sluice_queue_oldest_seconds{stage=\"breaker\"} 0.003"));
  CHECK(has_line(text, "sluice_queue_priority_lost_total{stage=\"breaker\"} 4"));
  CHECK(has_line(text, "sluice_imbalance{stage=\"redis\"} 0"));
  CHECK(has_line(text, "sluice_latency_seconds{stage=\"redis\",percentile=\"95\"} 0.012"));
  CHECK(has_line(text, "sluice_circuit_breaker_state{stage=\"breaker\"} 1"));
  CHECK(has_line(text, "sluice_circuit_breaker_opened_total{stage=\"breaker\"} 3"));
  CHECK(has_line(text, "sluice_pipeline_info{pipeline=\"ticker\",config_hash=\"abc\"} 1"));
  CHECK(has_line(text, "sluice_changes_total{pipeline=\"ticker\",outcome=\"done\"} 7"));
  CHECK(has_line(text, "sluice_changes_total{pipeline=\"ticker\",outcome=\"refused\"} 2"));
  CHECK(has_line(text, "sluice_uptime_seconds{pipeline=\"ticker\"} 90"));
}

TEST_CASE("demand, signals and changes of the level are metrics") {
  const std::string text = prometheus_text(example());
  CHECK(has_line(text, "sluice_sink_offered_per_second{stage=\"redis\"} 1500"));
  CHECK(has_line(text, "sluice_sink_capacity_per_second{stage=\"redis\"} 1250"));
  CHECK(has_line(text, "sluice_sink_ratio{stage=\"redis\"} 0.833"));
  CHECK(has_line(text, "sluice_sink_pending{stage=\"redis\"} 321"));
  CHECK(has_line(text, "sluice_signal_level{stage=\"monitor\",signal=\"memory\"} 2"));
  CHECK(has_line(text,
                 "sluice_level_transitions_total{pipeline=\"ticker\",to=\"WARNING\","
                 "cause=\"latency\"} 5"));
  CHECK(has_line(text,
                 "sluice_level_transitions_total{pipeline=\"ticker\",to=\"HEALTHY\","
                 "cause=\"recovery\"} 4"));
}

TEST_CASE("a family stands once, whoever shares it") {
  const std::string text = prometheus_text(example()), type = "# TYPE sluice_records_in_total ";
  const std::size_t first = text.find(type);
  REQUIRE(first != std::string::npos);
  CHECK(text.find(type, first + 1) == std::string::npos);
}

TEST_CASE("the status as JSON") {
  const auto whole = boost::json::parse(
      status_json(example(), {{1, 0, SLUICE_WARN, "redis", "reconnect", "after 5 s"}}));
  CHECK(whole.at("pipeline") == "ticker");
  CHECK(whole.at("changes").at("done") == 7);
  CHECK(whole.at("level") == "WARNING");
  CHECK(whole.at("pending").to_number<int>() == 15);
  CHECK(whole.at("total").at("published").to_number<std::uint64_t>() == 4'999'999'980);
  CHECK(whole.at("total").at("dropped").at("overflow").to_number<int>() == 10);
  CHECK(whole.at("imbalance").to_number<int>() == 0);
  CHECK(whole.at("stages").as_array().size() == 4);
  CHECK(whole.at("stages").at(1).at("queue").at("records").to_number<int>() == 7);
  const boost::json::value& sink = whole.at("stages").at(2);
  CHECK(sink.at("latency").at("mean_s").to_number<double>() == doctest::Approx(0.002));
  CHECK(sink.at("latency_longer").at("p99_s").to_number<double>() == doctest::Approx(0.005));
  CHECK(sink.at("age_longer").at("max_s").to_number<double>() == 0);
  const boost::json::array& ages = sink.at("ages").at("buckets").as_array();
  CHECK(ages.at(11).at("le_s").to_number<double>() == 0.25);
  CHECK(ages.at(11).at("count").to_number<int>() == 9);
  CHECK(ages.back().at("count").to_number<int>() == 10);
  CHECK(!ages.back().as_object().contains("le_s"));
  CHECK(sink.at("demand").at("capacity_per_s").to_number<double>() == 1250);
  CHECK(sink.at("demand").at("pending").to_number<int>() == 321);
  CHECK(sink.at("signals").as_array().empty());
  CHECK(whole.at("stages").at(3).at("signals").at(0).at("level") == "CRITICAL");
  CHECK(whole.at("level_changes").at(0).at("to") == "WARNING");
  CHECK(whole.at("level_changes").at(1).at("count").to_number<int>() == 4);
  CHECK(whole.at("stages").at(1).at("queue").at("priority_lost").to_number<int>() == 4);
  CHECK(whole.at("events").at(0).at("kind") == "reconnect");
  CHECK(whole.at("events").at(0).at("severity") == "warn");
}

TEST_CASE("the status as a page") {
  const std::string page = status_text(
      example(), {{1, 1'767'585'600'000'000'000, SLUICE_WARN, "redis", "reconnect", "after 5 s"}});
  CHECK(page.find("ticker  running  up 90.0 s") != std::string::npos);
  CHECK(page.find("level WARNING: latency p95 12 ms >= 10 ms\n") != std::string::npos);
  CHECK(page.find("signal memory of monitor CRITICAL: memory 91 % >= 85 %\n") != std::string::npos);
  CHECK(page.find("to WARNING by latency: 5 times\n") != std::string::npos);
  CHECK(page.find("redis      1,500       1,250   0.83      321  2.0 ms  1.0 ms  12.0 ms") !=
        std::string::npos);
  CHECK(page.find("7/10,000") != std::string::npos);
  CHECK(page.find("LOST: the queue before breaker lost 4 records of priority 0\n") !=
        std::string::npos);
  CHECK(page.find("overflow 10, fault 2") != std::string::npos);
  CHECK(page.find("  2026-01-05T04:00:00.000Z  redis reconnect: after 5 s\n") != std::string::npos);

  CHECK(page.find("silent") == std::string::npos);
  runtime::snapshot quiet = example();
  quiet.stages[0].feed_age_ns = 7'000'000'000;
  CHECK(status_text(quiet, {}).find("silent 7.0 s") != std::string::npos);
}

TEST_CASE("the balance at the end") {
  CHECK(balance_text(example()) ==
        "balance of ticker after 90.0 s\n"
        "    created                          5,000,000,000\n"
        "  - published                        4,999,999,980\n"
        "  - absorbed                                     0\n"
        "  - dropped overflow (policy)                   10\n"
        "  - dropped fault (fault)                        2\n"
        "  - failed                                       0\n"
        "  - unknown                                      0\n"
        "  - held                                         8\n"
        "  = imbalance                                    0\n");
  runtime::snapshot branched = example();
  branched.total.created += 300;
  branched.total.copied += 300;
  CHECK(balance_text(branched).find("    created                          5,000,000,000\n"
                                    "  + copied                                     300\n"
                                    "  - published ") != std::string::npos);
  runtime::snapshot off = example();
  off.imbalance = -3;
  CHECK(balance_text(off).find("-3  <- must be 0\n") != std::string::npos);
}

TEST_CASE("times and numbers are short") {
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1'000) == "1,000");
  CHECK(grouped(1'234'567) == "1,234,567");
  CHECK(short_time(850'000) == "850 us");
  CHECK(short_time(12'340'000) == "12.3 ms");
  CHECK(short_time(4'500'000'000) == "4.5 s");
  CHECK(short_time(7'500'000'000'000) == "2 h 5 min");
}

}  // namespace
