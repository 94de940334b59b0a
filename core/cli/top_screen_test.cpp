// The page of `sluice top`: what it says, and that it keeps to the terminal's size.
#include "cli/top_screen.hpp"

#include <doctest/doctest.h>
#include <boost/json.hpp>

#include <algorithm>
#include <string>

using namespace sluice::cli;
namespace json = boost::json;

namespace {

json::object status(double received = 1200, double pending = 7) {
  json::object made = json::parse(R"({
    "pipeline": "ticker", "phase": "running", "uptime_s": 90.5, "file": "/etc/sluice/ticker.toml",
    "level": "CRITICAL", "level_cause": "redis: latency 81.0 ms >= 50 ms",
    "published_per_s": 600, "stopped_by": "", "hung_stage": "", "held": 5, "imbalance": 0,
    "total": {"created": 1000, "published": 900, "absorbed": 0, "failed": 0, "unknown": 2,
              "dropped": {"sampled": 90, "shed": 0, "overflow": 3}},
    "stages": [
      {"name": "feed", "stopped": false, "bypassed": false, "in_per_s": 0, "out_per_s": 1200.4,
       "held": 0, "count": {"dropped": {}}, "lane_busy": 0.034, "faults": 0},
      {"name": "redis", "stopped": false, "bypassed": false, "in_per_s": 1200, "out_per_s": 0,
       "held": 5, "count": {"dropped": {"overflow": 3}}, "lane_busy": 0.5, "faults": 1,
       "level": "CRITICAL", "latency": {"p95_s": 0.081},
       "queue": {"records": 5, "records_max": 10000, "oldest_s": 0.0032}}],
    "events": []})")
                          .as_object();
  made["received_per_s"] = received;
  made["pending"] = pending;
  return made;
}

json::object event(std::uint64_t number, std::string_view message) {
  return {{"number", number},   {"time", "2026-11-26T03:45:00.100Z"},
          {"severity", "warn"}, {"stage", "redis"},
          {"kind", "level"},    {"message", message}};
}

std::string text_of(const std::vector<screen_line>& lines) {
  std::string made;
  for (const screen_line& each : lines) made += each.text + "\n";
  return made;
}

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char each) { return (each & 0xC0) != 0x80; }));
}

}  // namespace

TEST_CASE("top: level and cause, rates, stages, the balance") {
  top_screen screen;
  screen.add(status());
  CHECK(text_of(screen.lines(120, 40)) ==
        "ticker  running  up 90.5 s  /etc/sluice/ticker.toml\n"
        "level CRITICAL: redis: latency 81.0 ms >= 50 ms\n"
        "in             1,200/s  █\n"
        "out              600/s  █\n"
        "pending            7    █\n"
        "\n"
        "  stage  state      in/s  out/s     queue  held  dropped      p95  oldest  busy  faults\n"
        "  feed   ok            0  1,200         -     0        0        -       -    3%       0\n"
        "  redis  CRITICAL  1,200      0  5/10,000     5        3  81.0 ms  3.2 ms   50%       1\n"
        "\n"
        "balance: created 1,000 = published 900 + sampled 90 + overflow 3 + unknown 2 + held 5; it "
        "balances\n");
  CHECK(screen.lines(120, 40)[1].style == "31");

  json::object broken = status();
  broken["imbalance"] = -3;
  broken["hung_stage"] = "redis";
  screen.add(broken);
  const auto lines = screen.lines(120, 40);
  CHECK(lines[2].text == "HUNG: stage redis");
  CHECK(lines.back().text.ends_with("; IMBALANCE -3"));
  CHECK(lines.back().style == "1;31");
}

TEST_CASE("top: rates as they were, beside the largest, for a minute of documents") {
  CHECK(sparkline({}) == "");
  CHECK(sparkline({0, 0}) == "▁▁");
  CHECK(sparkline({0, 50, 100}) == "▁▅█");
  top_screen screen;
  for (int i = 0; i < 100; ++i) screen.add(status(i));
  const std::string in = screen.lines(200, 40)[2].text;
  CHECK(width_of(in) == 24 + 60);
  CHECK(in.ends_with("█"));
}

TEST_CASE(
    "top: it keeps to the terminal's width and height, whole columns and newest events first") {
  top_screen screen;
  json::object document = status();
  for (std::uint64_t i = 1; i <= 30; ++i)
    document["events"].as_array().push_back(event(i, "the " + std::to_string(i) + "th"));
  screen.add(document);
  CHECK(screen.last_event() == 30);
  for (const std::size_t columns : {1, 20, 33, 47, 80, 200})
    for (const std::size_t rows : {1, 5, 12, 14, 24, 50}) {
      const auto lines = screen.lines(columns, rows);
      CHECK(lines.size() <= rows);
      for (const screen_line& each : lines) CHECK(width_of(each.text) <= columns);
    }
  CHECK(screen.lines(33, 40)[7].text == "  feed   ok            0  1,200");
  const auto lines = screen.lines(120, 14);
  CHECK(lines.size() == 14);
  CHECK(lines.back().text == "2026-11-26T03:45:00.100Z  redis level: the 30th");
  CHECK(lines[lines.size() - 2].text.ends_with("the 29th"));
  CHECK(screen.lines(120, 50).size() == 12 + 10);
}

TEST_CASE("top: a message cannot move the cursor") {
  top_screen screen;
  json::object document = status();
  document["events"].as_array().push_back(event(1, "\x1b[2J\nred\x7f"));
  screen.add(document);
  CHECK(screen.lines(120, 40).back().text == "2026-11-26T03:45:00.100Z  redis level: ?[2J?red?");
}

TEST_CASE("top: a page that is old says so, until the next document") {
  top_screen screen;
  screen.add(status());
  screen.unanswered(std::chrono::seconds{7});
  const std::vector<screen_line> lines = screen.lines(120, 40);
  CHECK(lines[2].text == "NO ANSWER for 7 s; this is what it was");
  CHECK(lines[2].style == "1;31");
  screen.add(status());
  CHECK(text_of(screen.lines(120, 40)).find("NO ANSWER") == std::string::npos);
}

TEST_CASE("top: a source that receives nothing is silent") {
  top_screen screen;
  json::object made = status();
  json::object& feed = made["stages"].at(0).as_object();
  feed["feed_age_s"] = 4.9;
  screen.add(made);
  CHECK(text_of(screen.lines(120, 40)).find("silent") == std::string::npos);
  feed["feed_age_s"] = 12;
  screen.add(made);
  CHECK(text_of(screen.lines(120, 40)).find("feed   silent 12.0 s") != std::string::npos);
}
