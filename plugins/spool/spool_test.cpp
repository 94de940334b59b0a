#include "spool.hpp"

#include "scratch_test.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using sluice::testing::harness;
using sluice::testing::input;
using sluice::testing::output;

namespace {

namespace files = std::filesystem;

constexpr const sluice_plugin& plugin = sluice::plugin_of<sluice::spool::spool>;
/// Of the harness's queue of 65,536: it spills from 656 records on.
constexpr double spill_at = 0.01;

struct bench {
  std::string settings(const std::string& more = "") const {
    return "directory = \"" + (here.folder / "spool").string() +
           "\"\nspill_at = " + std::to_string(spill_at) + "\n" + more;
  }
  harness make(const std::string& more = "") const { return harness{plugin, settings(more)}; }
  /// Records of `key` with the texts from "<first>" on.
  static std::vector<input> some(std::uint32_t count, std::uint32_t first = 1,
                                 std::uint64_t key = 1) {
    std::vector<input> made(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      made[i].key = key;
      made[i].text = std::to_string(first + i);
    }
    return made;
  }
  sluice::spool::scratch here;
};

std::vector<output> of_priority(const std::vector<output>& from, sluice::priority which) {
  std::vector<output> found;
  for (const output& each : from)
    if (each.priority == which) found.push_back(each);
  return found;
}

bool has_event(harness& run, const std::string& kind, const std::string& part = "") {
  for (const auto& each : run.events())
    if (each.kind == kind && each.text.find(part) != std::string::npos) return true;
  return false;
}

void check_in_order(const std::vector<output>& records, std::uint32_t first) {
  for (const output& each : records) REQUIRE(each.text == std::to_string(first++));
}

}  // namespace

TEST_CASE("as long as the sink takes what comes, nothing is written") {
  const bench on;
  harness run = on.make();
  for (int i = 0; i < 10; ++i) run.push(bench::some(600));
  CHECK(run.outputs().size() == 6'000);
  CHECK(run.metric("spooled") == 0);
  CHECK(run.balanced());
}

TEST_CASE("an outage: what does not fit waits in files and is sent in order, behind what is live") {
  const bench on;
  harness run = on.make("replay_rate = 10000");
  run.stall(true);
  run.push(bench::some(3'000));
  CHECK(has_event(run, "spill", "% full: records go to "));
  const double spooled = run.metric("spooled");
  CHECK(spooled > 2'000);
  CHECK(run.count().absorbed == static_cast<std::uint64_t>(spooled));
  CHECK(run.metric("waiting") == spooled);
  CHECK(run.metric("spilling") == 1);
  CHECK(run.balanced());
  run.advance(5s);
  CHECK(run.metric("replayed") == 0);

  run.stall(false);
  run.advance(50ms);
  CHECK(run.metric("spilling") == 0);
  CHECK(has_event(run, "replay", "records wait in "));
  CHECK(run.metric("replayed") > 100);
  CHECK(run.metric("replayed") < 1'100);  // by the rate
  run.push(bench::some(1, 100'000));
  std::vector<output> all = run.outputs();
  CHECK(all.back().text == "100000");
  run.advance(1s);
  for (output& each : run.outputs()) all.push_back(std::move(each));
  REQUIRE(all.size() == 3'001);
  CHECK(run.metric("replayed") == spooled);
  CHECK(run.metric("waiting") == 0);
  CHECK(run.metric("bytes") == 0);
  const auto live = of_priority(all, sluice::priority::normal);
  const auto replayed = of_priority(all, sluice::priority::low);
  CHECK(replayed.size() == static_cast<std::size_t>(spooled));
  check_in_order({live.begin(), live.end() - 1}, 1);
  check_in_order(replayed, static_cast<std::uint32_t>(live.size()));
  for (const output& each : replayed) {
    REQUIRE(each.seq == std::stoull(each.text));
    REQUIRE(each.index == live[0].index);
    REQUIRE(each.schema == "test/1");
    REQUIRE(each.received == live[0].received);
  }
  CHECK(run.count().created == static_cast<std::uint64_t>(spooled));
  CHECK(run.balanced());
}

TEST_CASE("weight, flags and exchange time go with a record; priority 0 keeps its priority") {
  const bench on;
  harness run = on.make();
  run.stall(true);
  run.push(bench::some(1'000));
  input high{.key = 2, .text = "order", .priority = sluice::priority::high, .weight = 3};
  high.flags = SLUICE_RECORD_SNAPSHOT;
  run.push(high);
  run.stall(false);
  run.advance(1s);
  const auto found = of_priority(run.outputs(), sluice::priority::high);
  REQUIRE(found.size() == 1);
  CHECK(found[0].text == "order");
  CHECK(found[0].weight == 3);
  CHECK(found[0].flags == SLUICE_RECORD_SNAPSHOT);
  CHECK(run.balanced());
}

TEST_CASE("what a process leaves, the next one sends, under the keys' indexes and with their seq") {
  const bench on;
  {
    harness run = on.make();
    run.stall(true);
    run.push(bench::some(700, 1, 5));
    run.push(bench::some(300, 701, 6));
    // It ends here as by kill -9: nothing is drained.
  }
  harness run = on.make();
  CHECK(has_event(run, "replay", "records wait in "));
  run.push({{.key = 6}, {.key = 5}});  // in another order than before: other indexes
  run.outputs();
  run.advance(1s);
  const auto replayed = run.outputs();
  REQUIRE(replayed.size() > 200);
  CHECK(replayed.back().text == "1000");
  CHECK(replayed.back().seq == 300);
  CHECK(replayed.back().index == 0);
  CHECK(run.metric("lost") == 0);
  CHECK(run.balanced());
}

TEST_CASE("what was sent and is not done comes again after a crash, what is done does not") {
  const bench on;
  double spooled = 0;
  {
    harness run = on.make("replay_rate = 10000");
    run.stall(true);
    run.push(bench::some(2'000));
    spooled = run.metric("spooled");
    run.stall(false);
    run.advance(100ms);
    REQUIRE(run.metric("replayed") > 500);
    run.outputs();
    run.stall(true);
    run.advance(500ms);  // these were sent, and wait in the queue
    CHECK(run.metric("replayed") < spooled);
    CHECK(run.count().held == 0);
  }
  harness run = on.make();
  const double again = run.metric("waiting");
  CHECK(again < spooled - 500);
  run.advance(1s);
  const auto replayed = run.outputs();
  CHECK(replayed.size() == static_cast<std::size_t>(again));
  check_in_order(replayed, 2'001 - static_cast<std::uint32_t>(again));
}

TEST_CASE("at its bound, what comes goes on to the queue, and that is counted and told") {
  const bench on;
  harness run = on.make("size = \"64KiB\"\nsegment_size = \"64KiB\"");
  run.stall(true);
  run.push(bench::some(3'000));
  CHECK(has_event(run, "spool_failed", "is full: "));
  const double spooled = run.metric("spooled"), refused = run.metric("refused");
  CHECK(spooled > 500);
  CHECK(refused > 500);
  CHECK(run.metric("bytes") <= 64 << 10);
  CHECK(run.count().out + run.count().absorbed == 3'000);
  CHECK(run.balanced());
  run.stall(false);
  run.advance(1s);
  CHECK(run.metric("spilling") == 0);
  CHECK(run.outputs().size() == 3'000);
  run.stall(true);
  run.push(bench::some(1'000));
  CHECK(has_event(run, "spool_recovered"));
}

TEST_CASE("a drain waits for what was sent, and leaves the rest for the next start") {
  const bench on;
  {
    harness run = on.make("replay_rate = 1000");
    run.stall(true);
    run.push(bench::some(2'000));
    run.stall(false);
    run.advance(100ms);
    const double spooled = run.metric("spooled"), replayed = run.metric("replayed");
    REQUIRE(replayed > 0);
    REQUIRE(replayed < spooled);
    CHECK(run.drain());
    CHECK(run.metric("waiting") == spooled - replayed);
    CHECK(has_event(run, "left", "for the next start"));
    CHECK(run.balanced());
  }
  harness run = on.make();
  const double waiting = run.metric("waiting");
  run.advance(2s);
  CHECK(run.outputs().size() == static_cast<std::size_t>(waiting));
}

TEST_CASE("a queue that is smaller than a batch, or than a step of the replay, overflows neither") {
  const bench on;
  harness run{plugin,
              on.settings("replay_rate = 10000000"),
              {.real_time = false, .queue = 100, .environment = {}}};
  run.stall(true);
  run.push(bench::some(60));
  run.push(bench::some(2'000, 61));
  CHECK(run.metric("spooled") >= 1'960);
  run.stall(false);
  run.advance(2s);
  CHECK(run.outputs().size() == 2'060);
  CHECK(run.balanced());
}

TEST_CASE("a damaged file: what can be read is sent, the rest is counted as lost") {
  const bench on;
  {
    harness run = on.make("segment_size = \"64KiB\"");
    run.stall(true);
    run.push(bench::some(4'000));
  }
  std::vector<files::path> segments;
  for (const auto& each : files::directory_iterator{on.here.folder / "spool"})
    if (each.path().extension() == ".spool") segments.push_back(each.path());
  REQUIRE(segments.size() > 2);
  std::sort(segments.begin(), segments.end());
  sluice::spool::change_byte(segments[1], 30'000);
  harness run = on.make("replay_rate = 100000");
  const double waiting = run.metric("waiting");
  run.advance(1s);
  const double lost = run.metric("lost");
  CHECK(lost > 100);
  CHECK(run.metric("replayed") == waiting - lost);
  CHECK(has_event(run, "lost", "are damaged or gone"));
  CHECK(run.metric("bytes") == 0);
}

TEST_CASE("a folder that cannot be used stops it at the start, with the reason") {
  const bench on;
  std::ofstream{on.here.folder / "spool"} << "a file";
  harness run = on.make();
  CHECK(has_event(run, "stop", "did not start"));
}

TEST_CASE("rate, size and threshold change while it runs") {
  const bench on;
  harness run = on.make("replay_rate = 1");
  run.stall(true);
  run.push(bench::some(2'000));
  run.stall(false);
  run.advance(1s);
  CHECK(run.metric("replayed") <= 2);
  run.reconfigure(on.settings("replay_rate = 100000"));
  run.advance(1s);
  CHECK(run.metric("waiting") == 0);
}

TEST_CASE("a failing host call loses nothing: the record is sent in the next step") {
  const bench on;
  harness run = on.make();
  run.stall(true);
  run.push(bench::some(2'000));
  run.outputs();
  run.fail_host_call(50);
  run.stall(false);
  run.advance(1s);
  const auto all = run.outputs();
  CHECK(all.size() == 2'000);
  check_in_order(of_priority(all, sluice::priority::low),
                 2'001 - static_cast<std::uint32_t>(run.metric("spooled")));
  CHECK(run.balanced());
}

TEST_CASE("swapped again and again under way, nothing is lost and nothing comes twice") {
  const bench on;
  harness run = on.make("replay_rate = 20000");
  run.stall(true);
  std::vector<output> all;
  const auto take = [&] {
    for (output& each : run.outputs()) all.push_back(std::move(each));
  };
  std::uint32_t next = 1;
  for (int i = 0; i < 40; ++i) {
    if (i % 10 == 7) run.stall(false);
    if (i % 10 == 9) run.stall(true);
    run.push(bench::some(300, next));
    next += 300;
    run.swap(plugin, on.settings("replay_rate = 20000"));
    run.advance(7ms);
    take();
  }
  run.stall(false);
  run.advance(5s);
  take();
  CHECK(all.size() == 12'000);
  check_in_order(
      [&] {
        std::vector<output> sorted = all;
        std::sort(sorted.begin(), sorted.end(),
                  [](const output& one, const output& other) { return one.seq < other.seq; });
        return sorted;
      }(),
      1);
  for (const sluice::priority each : {sluice::priority::normal, sluice::priority::low}) {
    std::uint64_t last = 0;
    for (const output& record : of_priority(all, each)) {
      REQUIRE(record.seq > last);
      last = record.seq;
    }
  }
  CHECK(run.metric("waiting") == 0);
  CHECK(run.balanced());
}

TEST_CASE("a swap to another folder says what it leaves") {
  const bench on;
  harness run = on.make();
  run.stall(true);
  run.push(bench::some(2'000));
  const std::string other = "directory = \"" + (on.here.folder / "other").string() + "\"";
  run.swap(plugin, other);
  CHECK(has_event(run, "left", "records stay in " + (on.here.folder / "spool").string()));
  CHECK(run.metric("waiting") == 0);
}
