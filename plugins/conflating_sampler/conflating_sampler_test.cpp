#include "conflating_sampler.hpp"

#include "test_codec.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

namespace conflating_sampler_test {

using namespace std::chrono_literals;
using sluice::priority;
using sluice::conflating_sampler::conflater;
using sluice::testing::harness;
using sluice::testing::input;

namespace {

constexpr const sluice_plugin& plugin = sluice::plugin_of<conflater>;

/// The payloads that came out since the last call, in order.
std::string texts(harness& run) {
  std::string all;
  for (const auto& out : run.outputs()) all += (all.empty() ? "" : " ") + out.text;
  return all;
}

std::uint64_t conflated(const harness& run) { return run.count().dropped[SLUICE_DROP_CONFLATED]; }

void press(harness& run, sluice::level at) {
  run.pressure({sizeof(sluice_pressure), static_cast<std::uint32_t>(at), 0, 0, 0, 0});
}

}  // namespace

TEST_CASE("the first quote passes at once, of the next the newest at the interval's end") {
  harness run{plugin, "interval = '100ms'"};
  run.push({{.text = "a"}, {.text = "b"}});
  CHECK(texts(run) == "a");
  run.advance(50ms);
  run.push({.text = "c"});
  run.advance(49ms);
  CHECK(texts(run) == "");
  CHECK(run.metric("waiting") == 1);
  run.advance(1ms);
  CHECK(texts(run) == "c");
  CHECK(run.metric("waiting") == 0);
  run.push({.text = "d"});
  CHECK(texts(run) == "");  // 100 ms from c on
  run.advance(100ms);
  CHECK(texts(run) == "d");
  run.advance(100ms);
  run.push({.text = "e"});
  CHECK(texts(run) == "e");
  CHECK(conflated(run) == 1);
  CHECK(run.balanced());
}

TEST_CASE("a quote takes the place of none of another schema, and both go out in order") {
  harness run{plugin, "interval = '100ms'"};
  run.push({{.text = "a"}, {.text = "b", .schema = "test/1"}, {.text = "C", .schema = "other/1"}});
  CHECK(texts(run) == "a b");
  run.push({{.text = "D", .schema = "other/1"}});
  run.advance(100ms);
  CHECK(texts(run) == "D");
  CHECK(conflated(run) == 1);  // C by D
  CHECK(run.balanced());
}

TEST_CASE("each key has its own interval") {
  harness run{plugin, "interval = '100ms'"};
  run.push({.key = 1, .text = "a1"});
  run.advance(60ms);
  run.push({{.key = 1, .text = "a2"}, {.key = 2, .text = "b1"}});
  run.advance(10ms);
  run.push({.key = 2, .text = "b2"});
  CHECK(texts(run) == "a1 b1");
  run.advance(30ms);
  CHECK(texts(run) == "a2");
  run.advance(60ms);
  CHECK(texts(run) == "b2");
}

TEST_CASE("no more than one quote an interval of a key, and the last of a burst always") {
  harness run{plugin};
  std::vector<std::int64_t> times;
  std::string last;
  for (int ms = 0; ms < 5000; ++ms) {
    run.push({.text = "q" + std::to_string(ms)});
    for (const auto& out : run.outputs()) {
      times.push_back(run.now().time_since_epoch().count());
      last = out.text;
    }
    run.advance(1ms);
  }
  for (std::size_t i = 1; i < times.size(); ++i) CHECK(times[i] - times[i - 1] >= 333'000'000);
  CHECK(times.size() >= 15);
  run.advance(1s);
  CHECK(texts(run) == "q4999");
  CHECK(run.balanced());
}

TEST_CASE("a quote that is replaced counts as conflated and leaves its weight to the newer one") {
  harness run{plugin};
  run.push({{.text = "a", .weight = 2}, {.text = "b", .weight = 3}, {.text = "c", .weight = 4}});
  run.push({.text = "d"});
  run.advance(333ms);
  const auto out = run.outputs();
  REQUIRE(out.size() == 2);
  CHECK(out[0].weight == 2);
  CHECK(out[1].text == "d");
  CHECK(out[1].seq == 4);
  CHECK(out[1].weight == 8);
  CHECK(conflated(run) == 2);
  CHECK(run.balanced());
}

TEST_CASE("a trade passes at once, behind the quote that waits, and begins the interval anew") {
  harness run{plugin, "interval = '100ms'"};
  run.push({{.key = 1, .text = "10:a"}, {.key = 2, .text = "5:x"}});
  run.push({{.key = 1, .text = "10:b"}, {.key = 2, .text = "5:y"}});
  CHECK(texts(run) == "10:a 5:x");
  run.advance(50ms);
  run.push({{.key = 1, .text = "10:c"}, {.key = 1, .text = "12:d"}, {.key = 1, .text = "13:e"}});
  CHECK(texts(run) == "10:c 12:d 13:e");
  run.push({.key = 1, .text = "13:f"});
  run.advance(50ms);
  CHECK(texts(run) == "5:y");  // not f: 100 ms from e on
  run.advance(50ms);
  CHECK(texts(run) == "13:f");
  run.push({.key = 1, .text = "1:g"});  // a new day begins with less
  CHECK(texts(run) == "1:g");
  CHECK(run.metric("trades") == 3);
  CHECK(conflated(run) == 1);
  CHECK(run.balanced());
}

TEST_CASE("a trade leaves in its place among other keys of its batch") {
  harness run{plugin};
  run.push({{.key = 1, .text = "1:a"}, {.key = 2, .text = "1:x"}});
  run.push({{.key = 1, .text = "1:b"}, {.key = 2, .text = "1:y"}});
  texts(run);
  run.push({{.key = 3, .text = "1:m"},
            {.key = 2, .text = "2:z"},
            {.key = 4, .text = "1:n"},
            {.key = 1, .text = "2:c"}});
  CHECK(texts(run) == "1:m 1:y 2:z 1:n 1:b 2:c");
}

TEST_CASE("what is not a trade: a first record, no such field, no number, no codec, no field set") {
  harness run{plugin};
  run.push({{.text = "1:a"}, {.text = "b"}, {.text = "1:c"}, {.text = "text:d"}});
  CHECK(texts(run) == "1:a");
  run.push({.text = "2:e"});  // compared with c
  CHECK(texts(run) == "text:d 2:e");
  run.push({{.key = 2, .text = "1:a", .schema = "test/2"},
            {.key = 2, .text = "2:b", .schema = "test/2"}});
  CHECK(texts(run) == "1:a");

  harness no_trades{plugin, "trade_field = ''"};
  no_trades.push({{.text = "1:a"}, {.text = "2:b"}, {.text = "3:c"}});
  CHECK(texts(no_trades) == "1:a");
  harness other{plugin, "trade_field = 'other'"};
  other.push({{.text = "1:a"}, {.text = "2:b"}});
  CHECK(texts(other) == "1:a");
}

TEST_CASE("priority 0 passes at once and whole, behind what waits of its key") {
  harness run{plugin};
  const input order{.text = "order", .priority = priority::high};
  run.push({order, order, {.text = "a"}, {.text = "b"}, {.text = "c"}});
  CHECK(texts(run) == "order order a");
  // The sink behind takes priority 0 first.
  run.push({order, {.key = 2, .text = "x"}});
  const auto out = run.outputs();
  REQUIRE(out.size() == 3);
  CHECK(out[0].text == "order");
  CHECK(out[1].text == "c");
  run.advance(332ms);
  run.push({.text = "d"});
  CHECK(texts(run) == "");  // an interval from c on
  run.push(order);
  CHECK(texts(run) == "order d");
  run.push({order, order});
  CHECK(texts(run) == "order order");
  CHECK(conflated(run) == 1);
  CHECK(run.balanced());
}

TEST_CASE("below from_level all passes, what waits first") {
  harness run{plugin, "from_level = 'critical'"};
  press(run, sluice::level::warning);
  run.push({{.text = "a"}, {.text = "b"}});
  CHECK(texts(run) == "a b");
  press(run, sluice::level::critical);
  run.push({{.key = 1, .text = "c"}, {.key = 1, .text = "d"}, {.key = 1, .text = "e"}});
  run.push({{.key = 2, .text = "x"}, {.key = 2, .text = "y"}});
  CHECK(texts(run) == "c x");
  press(run, sluice::level::healthy);
  run.push({.key = 1, .text = "f"});
  CHECK(texts(run) == "e f");
  run.advance(333ms);
  CHECK(texts(run) == "y");
  CHECK(run.balanced());
}

TEST_CASE("drain sends on all that waits") {
  harness run{plugin, "interval = '1h'"};
  for (std::uint64_t key = 1; key <= 300; ++key)
    run.push({{.key = key, .text = "a"}, {.key = key, .text = "b"}});
  CHECK(run.outputs().size() == 300);
  CHECK(run.count().held == 300);
  CHECK(run.drain());
  const auto out = run.outputs();
  REQUIRE(out.size() == 300);
  for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i].key == i + 1);
  CHECK(run.count().held == 0);
  CHECK(run.balanced());
}

TEST_CASE("a quote that finds the store full passes at once, with the weight of what it replaced") {
  harness run{plugin};
  const std::string large(9 << 20, 'x');  // the store takes 32 MiB
  for (std::uint64_t key = 1; key <= 5; ++key) run.push({.key = key, .text = "a"});
  for (std::uint64_t key = 1; key <= 4; ++key) run.push({.key = key, .text = large});
  CHECK(run.count().held == 3);
  CHECK(run.metric("store_full") == 1);
  CHECK(run.outputs().size() == 6);
  run.push({.key = 5, .text = "b", .weight = 3});
  run.push({.key = 5, .text = large});
  const auto out = run.outputs();
  REQUIRE(out.size() == 1);
  CHECK(out[0].weight == 4);
  run.advance(333ms);
  CHECK(run.outputs().size() == 3);
  CHECK(run.faults() == 0);
  CHECK(run.balanced());
}

TEST_CASE("a host call that fails costs that call, not the stage") {
  for (std::uint64_t nth = 1; nth <= 6; ++nth) {
    harness run{plugin, "interval = '100ms'"};
    run.push({{.key = 1, .text = "1:a"}, {.key = 2, .text = "1:x"}});
    run.push({{.key = 1, .text = "1:b"}, {.key = 2, .text = "1:y"}});
    run.fail_host_call(nth);
    run.push({{.key = 1, .text = "1:c"}, {.key = 2, .text = "1:z"}, {.key = 2, .text = "2:t"}});
    CHECK_MESSAGE(run.balanced(), nth);
    run.advance(1s);
    run.outputs();
    run.push({{.key = 1, .text = "1:d"}, {.key = 1, .text = "1:e"}, {.key = 2, .text = "3:u"}});
    run.advance(1s);
    CHECK_MESSAGE(texts(run) == "1:d 3:u 1:e", nth);
    CHECK(run.count().held == 0);
    CHECK(run.balanced());
  }
}

TEST_CASE("settings out of bounds are refused by name") {
  CHECK_THROWS_WITH_AS(harness(plugin, "interval = '0s'"), doctest::Contains("interval"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(harness(plugin, "from_level = 'calm'"), doctest::Contains("from_level"),
                       std::runtime_error);
}

}  // namespace conflating_sampler_test
