// Random traffic, compared record by record with a model that is slow and plain.
#include "random_test.hpp"
#include "test_codec.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <map>
#include <random>

namespace model_test {

using namespace std::chrono_literals;
using sluice::priority;
using sluice::conflating_sampler::conflater;
using sluice::testing::harness;
using sluice::testing::input;

namespace {

constexpr std::int64_t interval_ms = 7;

struct passed {
  std::uint64_t key = 0;
  std::string text;
  float weight = 0;
  priority of = priority::normal;
  bool operator==(const passed&) const = default;
};

/// By key and priority: the sink behind the stage takes by priority.
using outputs = std::map<std::pair<std::uint64_t, priority>, std::vector<passed>>;

/// The rules of README.md, one key at a time.
class model {
 public:
  void take(const input& each, std::int64_t now, bool conflating) {
    state& key = keys_[each.key];
    const std::size_t colon = each.text.find(':');
    bool trade = false;
    if (colon != std::string::npos) {
      const std::string volume = each.text.substr(0, colon);
      trade = !key.volume.empty() && key.volume != volume;
      key.volume = volume;
    }
    if (trade || !conflating || each.priority == priority::high) {
      if (flush(key) || trade) key.last_out = now;
      put({each.key, each.text, each.weight, each.priority});
    } else if (now - key.last_out >= interval_ms) {
      key.last_out = now;
      put({each.key, each.text, each.weight, each.priority});
    } else {
      const float before = key.waits.empty() ? 0 : key.waits[0].weight;
      if (!key.waits.empty()) ++conflated;
      key.waits = {{each.key, each.text, each.weight + before, each.priority}};
    }
  }
  void tick(std::int64_t now) {
    for (auto& [number, key] : keys_)
      if (now - key.last_out >= interval_ms && flush(key)) key.last_out = now;
  }
  void drain() {
    for (auto& [number, key] : keys_) flush(key);
  }
  outputs out() { return std::exchange(out_, {}); }

  std::uint64_t conflated = 0;

 private:
  struct state {
    std::string volume;
    std::int64_t last_out = -1'000'000;
    std::vector<passed> waits;  // none or one
  };
  void put(const passed& each) { out_[{each.key, each.of}].push_back(each); }
  bool flush(state& key) {
    if (key.waits.empty()) return false;
    put(key.waits[0]);
    key.waits.clear();
    return true;
  }
  std::map<std::uint64_t, state> keys_;
  outputs out_;
};

outputs sorted(harness& run) {
  outputs found;
  for (const auto& out : run.outputs())
    found[{out.key, out.priority}].push_back({out.key, out.text, out.weight, out.priority});
  return found;
}

input random_record(std::mt19937_64& random, std::vector<int>& volumes) {
  const std::uint64_t key = random() % volumes.size();
  if (random() % 5 == 0) ++volumes[key];
  input made{.key = key, .weight = static_cast<float>(1 + random() % 3)};
  if (random() % 8 != 0) made.text = std::to_string(volumes[key]) + ":";
  made.text += std::to_string(random() % 100'000);
  const auto kind = random() % 20;
  made.priority = kind == 0 ? priority::high : kind < 5 ? priority::low : priority::normal;
  return made;
}

}  // namespace

TEST_CASE("random traffic comes out as a plain model says, record by record") {
  std::mt19937_64 random{sluice::test_seed()};
  harness run{sluice::plugin_of<conflater>, "interval = '7ms'\nfrom_level = 'warning'"};
  model expected;
  std::vector<int> volumes(12);
  std::uint64_t pushed = 0;
  bool conflating = true;
  for (std::int64_t ms = 0; ms < sluice::test_rounds(6'000); ++ms) {
    expected.tick(ms);
    if (random() % 100 == 0) conflating = !conflating;
    run.pressure(
        {sizeof(sluice_pressure), conflating ? SLUICE_OVERLOAD : SLUICE_HEALTHY, 0, 0, 0, 0});
    std::vector<input> batch(random() % 3 == 0 ? random() % 20 : 0);
    for (input& each : batch) {
      each = random_record(random, volumes);
      expected.take(each, ms, conflating);
    }
    pushed += batch.size();
    if (!batch.empty()) run.push(batch);
    REQUIRE_MESSAGE(sorted(run) == expected.out(), "at " << ms << " ms");
    REQUIRE(run.balanced());
    run.advance(1ms);
    // What was due in this millisecond came out with it: the model is asked at its end.
    expected.tick(ms + 1);
    REQUIRE_MESSAGE(sorted(run) == expected.out(), "after " << ms << " ms");
  }
  expected.drain();
  CHECK(run.drain());
  CHECK(sorted(run) == expected.out());
  CHECK(run.count().in == pushed);
  CHECK(run.count().dropped[SLUICE_DROP_CONFLATED] == expected.conflated);
  CHECK(run.count().out == pushed - expected.conflated);
  CHECK(expected.conflated > 0);
  CHECK(run.balanced());
}

}  // namespace model_test
