#include "runtime/store/record_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <initializer_list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace record_queue_test {

using namespace sluice;
using config::when_full;
using runtime::record_batch;
using runtime::record_queue;

namespace {

constexpr std::int64_t ms = 1'000'000;

struct made {
  std::uint32_t key = 0;
  std::uint64_t seq = 1;
  std::uint8_t priority = SLUICE_PRIORITY_NORMAL;
  std::uint32_t size = 8;
  float weight = 1;
  std::uint16_t schema = 0;
};

config::queue_spec bounds(std::uint32_t records, when_full policy, std::uint64_t bytes = 1 << 20) {
  return {records, bytes, policy, 0};
}

/// A queue on one thread, and what came out of it as "key:seq" words.
struct bench {
  explicit bench(const config::queue_spec& spec, bool guarded = false)
      : queue{spec, 64, false, guarded} {}

  void push(std::initializer_list<made> records, std::int64_t now = 0) {
    for (const made& each : records) {
      const std::string payload(each.size, static_cast<char>('a' + each.seq % 26));
      sluice_record record{};
      record.key = record.index = each.key;
      record.seq = each.seq;
      record.priority = each.priority;
      record.weight = each.weight;
      record.schema = each.schema;
      record.size = each.size;
      record.data = reinterpret_cast<const std::uint8_t*>(payload.data());
      queue.push({&record, 1}, now, nullptr);
    }
    CHECK(queue.read(now).imbalance == 0);
  }
  std::string pop(std::uint32_t most = SLUICE_BATCH_MAX, std::int64_t now = 0) {
    queue.pop(out, most, now);
    std::string words;
    for (const sluice_record& each : out.records()) {
      words +=
          (words.empty() ? "" : " ") + std::to_string(each.key) + ":" + std::to_string(each.seq);
      const std::string payload(each.size, static_cast<char>('a' + each.seq % 26));
      CHECK(std::memcmp(each.data, payload.data(), each.size) == 0);
    }
    CHECK(queue.read(now).imbalance == 0);
    return words;
  }
  std::uint64_t dropped(std::uint32_t reason) const { return queue.read(0).dropped[reason]; }

  record_queue queue;
  record_batch out;
};

constexpr std::uint8_t high = SLUICE_PRIORITY_HIGH, low = SLUICE_PRIORITY_LOW;
constexpr std::uint32_t chunk = record_queue::chunk_size;

}  // namespace

TEST_CASE("queue: oldest first, by priority, payloads of any size whole") {
  bench on{bounds(100, when_full::drop_oldest)};
  on.push({{1, 1},
           {2, 1, low},
           {1, 2, 1, 0},
           {3, 1, high, 2 * chunk},
           {1, 3, 1, chunk},
           {2, 2, low, chunk + 1}});
  CHECK(on.pop(2) == "3:1 1:1");
  CHECK(on.pop() == "1:2 1:3 2:1 2:2");
  CHECK(on.pop() == "");
  CHECK(on.queue.read(0).state.bytes == 0);
}

TEST_CASE("queue: drop_oldest takes the lowest priority's oldest, never a better one") {
  bench on{bounds(10, when_full::drop_oldest)};  // one of the ten is for priority 0
  for (std::uint64_t i = 1; i <= 7; ++i) on.push({{1, i}});
  on.push({{2, 1, low}, {2, 2, low}});
  on.push({{1, 8}});
  CHECK(on.dropped(SLUICE_DROP_OVERFLOW) == 1);
  on.push({{1, 9}, {1, 10}});  // the second low one, then the oldest normal one
  on.push({{2, 3, low}});      // nothing lower is there: itself
  on.push({{3, 1, high}});     // takes its reserve
  CHECK(on.queue.depth() == 10);
  CHECK(on.dropped(SLUICE_DROP_OVERFLOW) == 4);
  CHECK(on.queue.read(0).state.priority_lost == 0);
  CHECK(on.pop() == "3:1 1:2 1:3 1:4 1:5 1:6 1:7 1:8 1:9 1:10");
}

TEST_CASE("queue: priority 0 is lost to its own kind only") {
  for (const when_full policy : {when_full::drop_oldest, when_full::drop_newest}) {
    bench on{bounds(10, policy)};
    for (std::uint64_t i = 1; i <= 9; ++i) on.push({{1, i}});
    for (std::uint64_t i = 1; i <= 10; ++i) on.push({{2, i, high}});
    CHECK(on.dropped(SLUICE_DROP_OVERFLOW) == 9);
    CHECK(on.queue.read(0).state.priority_lost == 0);
    on.push({{1, 10}});
    CHECK(on.dropped(SLUICE_DROP_OVERFLOW) == 10);
    CHECK(on.queue.read(0).state.priority_lost == 0);
    on.push({{2, 11, high}});
    CHECK(on.queue.read(0).state.priority_lost == 1);
    CHECK(on.pop(1) == (policy == when_full::drop_oldest ? "2:2" : "2:1"));
  }
}

TEST_CASE("queue: a tenth of the bytes is priority 0's") {
  bench on{bounds(1000, when_full::drop_oldest, 100 * chunk)};
  for (std::uint64_t i = 1; i <= 100; ++i) on.push({{1, i, 1, chunk}});
  CHECK(on.queue.depth() == 90);
  on.push({{2, 1, high, 10 * chunk}});
  CHECK(on.queue.depth() == 91);
  on.push({{2, 2, high, chunk}});
  CHECK(on.queue.depth() == 91);  // one normal record went
  CHECK(on.queue.read(0).state.bytes == 100 * chunk);
  CHECK(on.queue.read(0).state.priority_lost == 0);
}

TEST_CASE("queue: a record for which not enough can give way evicts nothing") {
  for (const when_full policy : {when_full::drop_oldest, when_full::drop_newest}) {
    config::queue_spec spec = bounds(10, policy);
    spec.bytes = 20 * chunk;
    bench on{spec};
    on.push({{1, 1, high, 12 * chunk}, {2, 1}, {3, 1, low}});
    on.push({{4, 1, SLUICE_PRIORITY_NORMAL, 9 * chunk}});
    CHECK(on.dropped(SLUICE_DROP_OVERFLOW) == 1);
    CHECK(on.pop() == "1:1 2:1 3:1");
  }
}

TEST_CASE("queue: what could never fit is oversize and evicts nothing") {
  bench on{bounds(100, when_full::drop_oldest, 20 * chunk)};
  on.push({{1, 1}, {1, 2, 1, 19 * chunk}, {1, 3, high, 21 * chunk}, {1, 4, 1, 17 * chunk}});
  CHECK(on.dropped(SLUICE_DROP_OVERSIZE) == 2);
  CHECK(on.queue.read(0).state.priority_lost == 1);
  CHECK(on.pop() == "1:1 1:4");
}

TEST_CASE("queue: drop_newest keeps what it has, but for what is lower") {
  bench on{bounds(10, when_full::drop_newest)};
  for (std::uint64_t i = 1; i <= 8; ++i) on.push({{1, i}});
  on.push({{2, 1, low}, {1, 9}, {1, 10}});
  CHECK(on.dropped(SLUICE_DROP_OVERFLOW) == 2);
  CHECK(on.pop() == "1:1 1:2 1:3 1:4 1:5 1:6 1:7 1:8 1:9");
}

TEST_CASE("queue: conflate replaces in place and sums weights") {
  bench on{bounds(100, when_full::conflate)};
  on.push({{1, 1, 1, 8, 2}, {2, 1}, {1, 2, 1, 200, 3}});
  CHECK(on.dropped(SLUICE_DROP_CONFLATED) == 1);
  CHECK(on.pop() == "1:2 2:1");
  CHECK(on.out[0].weight == 5);
  on.push({{1, 3}});
  CHECK(on.pop() == "1:3");
  CHECK(on.out[0].weight == 1);
}

TEST_CASE("queue: conflate keeps the newest of each schema, in the order they came") {
  bench on{bounds(100, when_full::conflate)};
  for (std::uint64_t seq = 1; seq <= 9; seq += 2)
    on.push({{1, seq, 1, 8, 2, 7}, {1, seq + 1, 1, 500, 1, 8}});
  CHECK(on.queue.depth() == 2);
  CHECK(on.dropped(SLUICE_DROP_CONFLATED) == 8);
  on.push({{2, 1}, {1, 11, 1, 8, 1, 7}});
  CHECK(on.pop() == "1:10 1:11 2:1");  // the places of the key stay its own
  CHECK(on.out[0].weight == 5);
  CHECK(on.out[1].weight == 11);
  CHECK(on.queue.read(0).state.bytes == 0);
}

TEST_CASE("queue: a key whose schemas alternate gets through a queue that never empties") {
  bench on{bounds(100, when_full::conflate)};
  for (std::uint32_t key = 2; key <= 20; ++key) on.push({{key, 1}});
  std::uint32_t came_out = 0;
  for (std::uint64_t seq = 1; seq <= 100; ++seq) {
    on.push({{1, 2 * seq, 1, 8, 1, 7}, {1, 2 * seq + 1, 1, 8, 1, 8}});
    const std::string out = on.pop(1);
    came_out += out.starts_with("1:");
    if (!out.starts_with("1:")) on.push({{on.out[0].index, on.out[0].seq + 1}});
  }
  CHECK(came_out >= 100 / 21);  // once a round at least
}

TEST_CASE("keep_latest: of what is there, the newest of each schema, in the order they came") {
  bench on{bounds(100, when_full::drop_oldest), true};
  on.push(
      {{1, 1, 1, 8, 1, 7}, {1, 2, 1, 8, 1, 8}, {2, 1}, {1, 3, 1, 500, 1, 7}, {1, 4, 1, 8, 1, 9}});
  on.push({{1, 5, 1, 8, 1, 7}, {1, 6, 1, 8, 1, 8}});
  on.queue.keep_latest(true, 0);
  CHECK(on.dropped(SLUICE_DROP_CONFLATED) == 3);
  CHECK(on.pop() == "1:4 1:5 2:1 1:6");
  CHECK(on.queue.read(0).state.bytes == 0);
}

TEST_CASE("queue: conflate never touches priority 0 nor mixes priorities") {
  bench on{bounds(100, when_full::conflate)};
  on.push({{1, 1}, {1, 2, high}, {1, 3, high}, {1, 4}});
  CHECK(on.dropped(SLUICE_DROP_CONFLATED) == 1);  // 1:1 by 1:4
  CHECK(on.pop() == "1:2 1:3 1:4");
}

TEST_CASE("queue: a full conflating queue takes a longer value in place") {
  bench on{bounds(10, when_full::conflate)};
  for (std::uint32_t key = 1; key <= 9; ++key) on.push({{key, 1}});
  on.push({{5, 2, 1, 500}});
  CHECK(on.dropped(SLUICE_DROP_CONFLATED) == 1);
  CHECK(on.dropped(SLUICE_DROP_OVERFLOW) == 0);
  CHECK(on.pop() == "1:1 2:1 3:1 4:1 5:2 6:1 7:1 8:1 9:1");
}

TEST_CASE("queue: ages, bounds") {
  bench on{bounds(10, when_full::drop_oldest)};
  on.push({{1, 1}}, 5);
  on.push({{1, 2, high}}, 7);
  CHECK(on.queue.oldest_age(105) == 100);
  CHECK(on.queue.oldest_age(1) == 0);
  on.pop(1);
  on.push({{1, 3}, {1, 4}});
  const auto read = on.queue.read(105);
  CHECK(read.state.depth == 3);
  CHECK(read.state.capacity == 10);
  CHECK(std::string{read.state.policy} == "drop_oldest");
  CHECK(read.pushed == 4);
  CHECK(read.popped == 1);
}

TEST_CASE("keep_latest: of what is there and of what comes, the newest of each key, in its turn") {
  bench on{bounds(100, when_full::drop_oldest), true};
  on.push({{1, 1}, {2, 1}, {1, 2, 1, 500, 3}, {3, 1, low}, {1, 3}, {3, 2, low}});
  on.push({{4, 1, high}, {4, 2, high}});
  on.queue.keep_latest(true, 0);
  CHECK(on.dropped(SLUICE_DROP_CONFLATED) == 3);
  CHECK(on.queue.depth() == 5);
  on.push({{2, 2}, {5, 1}, {4, 3, high}, {5, 2, 1, 1'000}});
  CHECK(on.dropped(SLUICE_DROP_CONFLATED) == 5);
  CHECK(on.pop(4) == "4:1 4:2 4:3 1:3");
  CHECK(on.out[3].weight == 5);
  on.queue.keep_latest(false, 0);
  on.push({{2, 3}, {5, 3}});
  CHECK(on.pop() == "2:2 5:2 2:3 5:3 3:2");
  CHECK(on.queue.read(0).state.bytes == 0);
}

TEST_CASE("keep_latest: what left is not replaced, and a queue not built for it ignores it") {
  bench on{bounds(100, when_full::drop_oldest), true};
  on.push({{1, 1}});
  on.queue.keep_latest(true, 0);
  CHECK(on.pop() == "1:1");
  on.push({{1, 2}});
  on.queue.keep_latest(false, 0);
  on.push({{1, 3}});
  on.queue.keep_latest(true, 0);
  CHECK(on.pop() == "1:3");

  bench plain{bounds(100, when_full::drop_oldest)};
  plain.push({{1, 1}, {1, 2}});
  plain.queue.keep_latest(true, 0);
  CHECK(plain.pop() == "1:1 1:2");
}

TEST_CASE("keep_latest: nothing expires, and after it max_delay has its patience anew") {
  bench on{{1000, 1 << 20, when_full::drop_oldest, 20 * ms}, true};
  on.push({{1, 1}, {2, 1}}, 0);
  on.queue.keep_latest(true, 10 * ms);
  CHECK(on.pop(1, 30'000 * ms) == "1:1");
  on.queue.keep_latest(false, 30'000 * ms);
  CHECK(on.pop(1, 30'050 * ms) == "2:1");
  CHECK(on.dropped(SLUICE_DROP_EXPIRED) == 0);
}

TEST_CASE("keep_latest: a block queue takes what replaces something, full or not") {
  record_queue queue{bounds(10, when_full::block), 64, true, true};
  const auto push = [&](std::uint32_t key, std::uint64_t seq) {
    sluice_record record{};
    record.key = record.index = key;
    record.seq = seq;
    record.priority = SLUICE_PRIORITY_NORMAL;
    queue.push({&record, 1}, 0, nullptr);
  };
  for (std::uint32_t key = 1; key <= 9; ++key) push(key, 1);
  queue.keep_latest(true, 0);
  CHECK_FALSE(queue.has_room());
  push(5, 2);
  CHECK(queue.depth() == 9);
  CHECK(queue.read(0).dropped[SLUICE_DROP_CONFLATED] == 1);
}

// --- max_delay ----------------------------------------------------------------------------------

namespace {
config::queue_spec delayed() { return {1000, 1 << 20, when_full::drop_oldest, 20 * ms}; }
}  // namespace

TEST_CASE("max_delay: after a stall what is older than twice it goes, priority 0 stays") {
  bench on{delayed()};
  on.push({{1, 1}, {2, 1, high}}, 0);
  on.push({{1, 2}}, 470 * ms);
  CHECK(on.pop(256, 500 * ms) == "2:1 1:2");
  CHECK(on.dropped(SLUICE_DROP_EXPIRED) == 1);
}

TEST_CASE("max_delay: a burst passes, for the delay was not above it for 100 ms") {
  bench on{delayed()};
  on.push({{1, 1}, {1, 2}, {1, 3}}, 0);
  CHECK(on.pop(1, 50 * ms) == "1:1");
  CHECK(on.pop(1, 119 * ms) == "1:2");
  CHECK(on.dropped(SLUICE_DROP_EXPIRED) == 0);
  on.push({{1, 4}}, 119 * ms);
  CHECK(on.pop(256, 121 * ms) == "1:4");  // above since 20 ms: 1:3 is too old now
  CHECK(on.dropped(SLUICE_DROP_EXPIRED) == 1);
}

TEST_CASE("max_delay: an emptied queue begins anew, even if nobody looked meanwhile") {
  bench on{delayed()};
  on.push({{1, 1}}, 0);
  CHECK(on.pop(256, 30 * ms) == "1:1");  // late, and the last
  on.push({{1, 2}}, 10'000 * ms);
  CHECK(on.pop(256, 10'050 * ms) == "1:2");
  CHECK(on.dropped(SLUICE_DROP_EXPIRED) == 0);
}

TEST_CASE("max_delay: what was on time when last looked at begins anew too") {
  bench on{delayed()};
  on.push({{1, 1}}, 0);
  on.push({{1, 2}}, 95 * ms);
  CHECK(on.pop(1, 100 * ms) == "1:1");  // 1:2 is on time
  CHECK(on.pop(1, 160 * ms) == "1:2");  // late for 45 ms
  CHECK(on.dropped(SLUICE_DROP_EXPIRED) == 0);
}

// --- block --------------------------------------------------------------------------------------

TEST_CASE("block: without waiting it grows, and says that it has no room") {
  bench on{bounds(4, when_full::block)};
  for (std::uint64_t i = 1; i <= 3; ++i) on.push({{1, i}});
  CHECK_FALSE(on.queue.has_room());
  on.push({{1, 4}, {1, 5}, {1, 6}});
  CHECK(on.queue.read(0).dropped == decltype(record_queue::reading::dropped){});
  CHECK(on.pop() == "1:1 1:2 1:3 1:4 1:5 1:6");
  CHECK(on.queue.has_room());
}

TEST_CASE("block: a push larger than the queue waits, in order, for a consumer woken by it") {
  record_queue queue{bounds(4, when_full::block), 8, true};
  std::vector<sluice_record> records(256);
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].seq = i + 1;
    records[i].priority = SLUICE_PRIORITY_NORMAL;
  }
  // The consumer sleeps until it is told, as a lane does.
  std::atomic<bool> told{false}, ended{false};
  std::vector<std::uint64_t> got;
  std::thread consumer{[&] {
    record_batch batch;
    while (!told) std::this_thread::yield();
    while (got.size() < records.size() && !ended) {
      queue.pop(batch, 3, 0);
      for (const sluice_record& each : batch.records()) got.push_back(each.seq);
    }
  }};
  std::uint32_t calls = 0;
  queue.push(records, 0, [&] {
    ++calls;
    told = true;
  });
  while (queue.depth() > 0) std::this_thread::yield();
  consumer.join();
  CHECK(calls > 0);
  REQUIRE(got.size() == records.size());
  CHECK(std::is_sorted(got.begin(), got.end()));
  CHECK(queue.read(0).imbalance == 0);
}

TEST_CASE("block: an abandoned queue lets its pusher go and counts what came too late") {
  record_queue queue{bounds(4, when_full::block), 8, true};
  std::vector<sluice_record> records(10);
  for (sluice_record& each : records) each.priority = SLUICE_PRIORITY_NORMAL;
  std::atomic<bool> waits{false};
  std::thread pusher{[&] { queue.push(records, 0, [&] { waits = true; }); }};
  while (!waits) std::this_thread::yield();
  queue.abandon();
  pusher.join();
  const auto read = queue.read(0);
  CHECK(read.pushed == 10);
  CHECK(read.dropped[SLUICE_DROP_SHUTDOWN] == 10);
  CHECK(read.imbalance == 0);
}

TEST_CASE("queue: closed after its last producer, abandoned for good") {
  bench on{bounds(10, when_full::drop_oldest)};
  on.queue.add_producer();
  on.queue.add_producer();
  on.queue.remove_producer();
  CHECK_FALSE(on.queue.closed());
  on.queue.remove_producer();
  CHECK(on.queue.closed());
  on.push({{1, 1}});
  on.queue.abandon();
  on.push({{1, 2, high}});
  CHECK(on.pop() == "");
  CHECK(on.dropped(SLUICE_DROP_SHUTDOWN) == 2);
  CHECK(on.queue.read(0).state.priority_lost == 1);
}

}  // namespace record_queue_test
