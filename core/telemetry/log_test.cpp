#include "telemetry/log.hpp"

#include "telemetry/line_limiter.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

using sluice::runtime::virtual_clock;
using namespace sluice::telemetry;

constexpr std::int64_t second = 1'000'000'000;

struct captured {
  virtual_clock time;
  std::vector<std::string> lines;
  log_options options(bool json = false) {
    log_options made;
    made.json = json;
    made.write = [this](std::string_view line) { lines.emplace_back(line); };
    return made;
  }
};

TEST_CASE("a line of text has time, severity, stage and message") {
  CHECK(text_line(1'767'585'600'123'000'000, SLUICE_WARN, "redis", "cut") ==
        "2026-01-05T04:00:00.123Z warn  redis: cut");
  CHECK(text_line(0, SLUICE_INFO, "", "up") == "1970-01-01T00:00:00.000Z info  up");
}

TEST_CASE("control characters cannot forge a line") {
  CHECK(text_line(0, SLUICE_INFO, "a", "x\n\x1b[31my") ==
        "1970-01-01T00:00:00.000Z info  a: x\\n\\x1b[31my");
  CHECK(json_line(0, SLUICE_ERROR, "a", "x\n\"") ==
        R"({"time":"1970-01-01T00:00:00.000Z","severity":"error","stage":"a","message":"x\n\""})");
}

TEST_CASE("what is below the least severity is not written") {
  captured to;
  sluice::telemetry::log out{to.options(), to.time};
  out.write(SLUICE_DEBUG, "a", "no");
  out.logger()(SLUICE_ERROR, "a", "yes {}");
  REQUIRE(to.lines.size() == 1);
  CHECK(to.lines[0].ends_with(" error a: yes {}\n"));
}

TEST_CASE("a line that repeats is limited, and how often is said") {
  captured to;
  {
    sluice::telemetry::log out{to.options(), to.time};
    for (int i = 0; i < 100; ++i) out.write(SLUICE_WARN, "redis", "refused");
    out.write(SLUICE_WARN, "redis", "another");
    CHECK(to.lines.size() == 6);
    out.tick();
    CHECK(to.lines.size() == 6);
    to.time.advance_to(to.time.now() + 10 * second);
    out.tick();
    REQUIRE(to.lines.size() == 7);
    CHECK(to.lines[6].ends_with("redis: refused (95 more times)\n"));
    for (int i = 0; i < 6; ++i) out.write(SLUICE_WARN, "redis", "refused");
    CHECK(to.lines.size() == 12);
  }
  REQUIRE(to.lines.size() == 13);
  CHECK(to.lines[12].ends_with("redis: refused (1 more times)\n"));
}

TEST_CASE("the limiter's memory is bounded") {
  line_limiter limiter;
  for (int i = 0; i < 5000; ++i) CHECK(limiter.admit(SLUICE_INFO, "a", std::to_string(i), 0));
  for (int i = 0; i < 10; ++i) limiter.admit(SLUICE_INFO, "a", "0", 0);
  const auto ended = limiter.collect(20 * second);
  REQUIRE(ended.size() == 1);
  CHECK(ended[0].times == 6);
}

}  // namespace
