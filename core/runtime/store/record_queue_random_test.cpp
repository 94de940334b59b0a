// Random operations on the queue beside a model that is plainly right.
#include "random_test.hpp"
#include "runtime/store/record_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace record_queue_random_test {

using namespace sluice;
using config::when_full;
using runtime::record_queue;

namespace {

struct entry {
  std::uint32_t key, schema;
  std::uint64_t seq;
  std::uint32_t chunks;
  float weight;
};

/// What the queue ought to do, as lists searched from end to end.
struct model {
  std::uint32_t records, chunks;
  when_full policy;
  std::array<std::deque<entry>, 3> lists;
  std::array<std::uint64_t, SLUICE_DROP_REASONS> dropped{};
  bool latest = policy == when_full::conflate;  // only the newest of each key is kept

  std::uint32_t count(std::size_t from = 0) const {
    std::uint32_t sum = 0;
    for (std::size_t i = from; i < 3; ++i) sum += static_cast<std::uint32_t>(lists[i].size());
    return sum;
  }
  std::uint32_t bytes(std::size_t of) const {
    std::uint32_t sum = 0;
    for (const entry& each : lists[of]) sum += each.chunks;
    return sum;
  }
  bool bytes_fit(std::uint8_t priority, std::uint32_t more) const {
    const std::uint32_t free = chunks - std::min(chunks, bytes(0) + bytes(1) + bytes(2));
    const std::uint32_t kept = priority == 0 ? 0 : std::max(chunks / 10, 1u);
    return more + (kept > bytes(0) ? kept - bytes(0) : 0) * (priority != 0) <= free;
  }
  bool fits(std::uint8_t priority, std::uint32_t more) const {
    const auto high = static_cast<std::uint32_t>(lists[0].size());
    const std::uint32_t kept = std::max(records / 10, 1u);
    const std::uint32_t reserve = priority == 0 || high >= kept ? 0 : kept - high;
    return count() + reserve < records && bytes_fit(priority, more);
  }
  /// Drops the newest of its key and schema; those of the key after it move up one place, and it
  /// gets the last. False: there is none, or its bytes have no room.
  bool replace(std::deque<entry>& list, const entry& given, bool fits_always) {
    std::vector<entry*> of_key;
    for (entry& each : list)
      if (each.key == given.key) of_key.push_back(&each);
    std::size_t at = of_key.size();
    while (at > 0 && of_key[at - 1]->schema != given.schema) --at;
    if (at == 0) return false;
    const entry old = *of_key[--at];
    const std::uint32_t more = given.chunks - std::min(given.chunks, old.chunks);
    if (!fits_always && more > 0 && !bytes_fit(1, more)) return false;
    for (; at + 1 < of_key.size(); ++at) *of_key[at] = *of_key[at + 1];
    *of_key.back() = given;
    of_key.back()->weight += old.weight;
    ++dropped[SLUICE_DROP_CONFLATED];
    return true;
  }
  bool conflate(const entry& given, std::uint8_t priority) {
    return latest && priority != 0 && replace(lists[priority], given, false);
  }
  void keep_latest(bool on) {
    if (policy == when_full::conflate) return;
    if (std::exchange(latest, on) || !on) return;
    for (const std::size_t priority : {1u, 2u})
      for (const entry& each : std::exchange(lists[priority], {}))
        if (!replace(lists[priority], each, true)) lists[priority].push_back(each);
  }
  void push(const entry& given, std::uint8_t priority) {
    const std::uint32_t largest = priority == 0 ? chunks : chunks - std::max(chunks / 10, 1u);
    if (given.chunks > largest) {
      ++dropped[SLUICE_DROP_OVERSIZE];
      return;
    }
    if (conflate(given, priority)) return;
    const auto before = lists;  // nothing gives way in vain
    const auto dropped_before = dropped;
    while (!fits(priority, given.chunks)) {
      std::size_t victim = 2;
      while (victim > priority && lists[victim].empty()) --victim;
      ++dropped[SLUICE_DROP_OVERFLOW];
      const bool newest = policy == when_full::drop_newest;
      if (lists[victim].empty() || (newest && victim == priority)) {
        lists = before;
        dropped = dropped_before;
        ++dropped[SLUICE_DROP_OVERFLOW];
        return;
      }
      newest ? lists[victim].pop_back() : lists[victim].pop_front();
    }
    lists[priority].push_back(given);
  }
};

constexpr std::uint32_t chunk = record_queue::chunk_size;

void compare(when_full policy, bool guarded, std::mt19937_64& random) {
  const auto up_to = [&](std::uint32_t most) {
    return static_cast<std::uint32_t>(random() % (most + 1));
  };
  const std::uint32_t records = 2 + up_to(40), chunks = 2 + up_to(60);
  record_queue queue{{records, std::uint64_t{chunks} * chunk, policy, 0}, 16, false, guarded};
  model expected{records, chunks, policy, {}, {}};
  runtime::record_batch batch;
  std::vector<std::uint8_t> payload(chunk * 70);
  std::uint64_t seq = 0;
  std::map<std::pair<std::uint32_t, std::uint8_t>, std::uint64_t> last_out;  // by key and priority
  for (int step = 0; step < 2000; ++step) {
    if (guarded && up_to(50) == 0) {
      const bool on = up_to(1) == 0;
      queue.keep_latest(on, 0);
      expected.keep_latest(on);
    }
    if (up_to(9) < 7) {
      sluice_record record{};
      record.index = up_to(15);
      record.key = record.index;
      record.schema = static_cast<std::uint16_t>(up_to(2));
      record.seq = ++seq;
      record.priority = static_cast<std::uint8_t>(std::min(2u, up_to(4)));
      record.size = up_to(30) == 0 ? up_to(chunk * 69) : up_to(3 * chunk);
      record.weight = static_cast<float>(1 + up_to(3));
      std::fill_n(payload.begin(), record.size, static_cast<std::uint8_t>(seq));
      record.data = payload.data();
      queue.push({&record, 1}, 0, nullptr);
      expected.push(
          {record.index, record.schema, seq, (record.size + chunk - 1) / chunk, record.weight},
          record.priority);
    } else {
      const std::uint32_t most = up_to(20);
      queue.pop(batch, most, 0);
      std::uint32_t i = 0;
      for (std::uint8_t priority = 0; priority < 3; ++priority) {
        for (auto& list = expected.lists[priority]; !list.empty() && i < most; list.pop_front()) {
          REQUIRE(i < batch.size());
          const sluice_record& got = batch[i++];
          REQUIRE(got.priority == priority);
          REQUIRE(got.seq == list.front().seq);
          REQUIRE(got.weight == list.front().weight);
          REQUIRE(std::exchange(last_out[{got.index, priority}], got.seq) < got.seq);
          REQUIRE(std::all_of(got.data, got.data + got.size, [&](std::uint8_t byte) {
            return byte == static_cast<std::uint8_t>(got.seq);
          }));
        }
      }
      REQUIRE(i == batch.size());
    }
    const auto read = queue.read(0);
    REQUIRE(read.imbalance == 0);
    REQUIRE(read.state.depth == expected.count());
    REQUIRE(read.state.bytes ==
            chunk * (expected.bytes(0) + expected.bytes(1) + expected.bytes(2)));
    REQUIRE(read.dropped == expected.dropped);
  }
}

}  // namespace

TEST_CASE("queue: random operations do what a simple model does") {
  std::mt19937_64 random{test_seed()};
  for (int round = 0; round < test_rounds(60); ++round) {
    for (const when_full policy :
         {when_full::drop_oldest, when_full::drop_newest, when_full::conflate})
      compare(policy, false, random);
    for (const when_full policy : {when_full::drop_oldest, when_full::conflate})
      compare(policy, true, random);
  }
}

}  // namespace record_queue_random_test
