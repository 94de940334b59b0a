// What a lane keeps: held records, keys, attributes, schemas, latencies.
#include "random_test.hpp"
#include "runtime/store/attributes.hpp"
#include "runtime/store/hold_store.hpp"
#include "runtime/store/key_table.hpp"
#include "runtime/store/latency_totals.hpp"
#include "runtime/store/latency_window.hpp"
#include "runtime/store/schemas.hpp"

#include <sluice/record.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace stores_test {

using namespace sluice;
using runtime::attributes;
using runtime::hold_store;
using runtime::index_space;
using runtime::key_table;
using runtime::latency_window;

namespace {

sluice_record record_of(const std::string& payload, std::uint64_t seq = 1) {
  sluice_record made{};
  made.seq = seq;
  made.data = reinterpret_cast<const std::uint8_t*>(payload.data());
  made.size = static_cast<std::uint32_t>(payload.size());
  return made;
}

std::string text_of(const sluice_record& of) {
  return {reinterpret_cast<const char*>(of.data), of.size};
}

}  // namespace

// --- hold_store ---------------------------------------------------------------------------------

TEST_CASE("hold store: copies, finds, removes once, is bounded in records") {
  hold_store store{2, 1 << 20};
  std::string text = "first";
  const auto first = store.add(record_of(text));
  text = "other";
  CHECK(text_of(*store.find(first)) == "first");
  const auto second = store.add(record_of(text));
  CHECK(store.add(record_of("third")) == 0);
  CHECK(store.size() == 2);

  CHECK(store.remove(first));
  CHECK_FALSE(store.remove(first));
  CHECK(store.find(first) == nullptr);
  const auto third = store.add(record_of("third"));
  CHECK(third != first);  // the same slot, another generation
  CHECK_FALSE(store.remove(first));
  CHECK(text_of(*store.find(third)) == "third");
  CHECK(text_of(*store.find(second)) == "other");
  CHECK(store.find(0) == nullptr);
  CHECK(store.find(UINT64_MAX) == nullptr);
  store.clear();
  CHECK(store.size() == 0);
  CHECK(store.find(third) == nullptr);
}

TEST_CASE("hold store: a held record stays where it is while others come") {
  hold_store store{10'000, 1 << 24};
  const sluice_record* first = store.find(store.add(record_of("first")));
  for (int i = 0; i < 5000; ++i) REQUIRE(store.add(record_of("more")) != 0);
  CHECK(text_of(*first) == "first");
}

TEST_CASE("hold store: is bounded in bytes, and what idles is given back for what comes") {
  hold_store store{100, 16 * 1024};
  std::vector<std::uint64_t> handles;
  for (int i = 0; i < 4; ++i) handles.push_back(store.add(record_of(std::string(4096, 'a'))));
  CHECK(std::count(handles.begin(), handles.end(), 0u) == 0);
  CHECK(store.add(record_of("b")) == 0);
  for (const auto each : handles) store.remove(each);
  const auto large = store.add(record_of(std::string(10'000, 'c')));
  REQUIRE(large != 0);
  CHECK(store.find(large)->size == 10'000);
}

TEST_CASE("hold store: random operations against a map") {
  std::mt19937_64 random{test_seed()};
  hold_store store{50, 20'000};
  std::map<std::uint64_t, std::string> expected;
  for (int step = 0; step < 20'000; ++step) {
    if (random() % 2 == 0) {
      const std::string text(random() % 900, static_cast<char>('a' + random() % 26));
      if (const auto handle = store.add(record_of(text)); handle != 0)
        REQUIRE(expected.emplace(handle, text).second);
    } else if (!expected.empty()) {
      const auto which = std::next(expected.begin(), random() % expected.size());
      REQUIRE(text_of(*store.find(which->first)) == which->second);
      REQUIRE(store.remove(which->first));
      REQUIRE(store.find(which->first) == nullptr);
      expected.erase(which);
    }
    REQUIRE(store.size() == expected.size());
  }
  for (const auto& [handle, text] : expected) CHECK(text_of(*store.find(handle)) == text);
}

// --- keys ---------------------------------------------------------------------------------------

TEST_CASE("keys: dense, by source, each with its seq, until there are too many") {
  index_space space{4};
  key_table one{space}, two{space};
  CHECK(one.index_of(500) == 0);
  CHECK(one.index_of(501) == 1);
  CHECK(two.index_of(500) == 2);
  CHECK(one.index_of(500) == 0);
  CHECK(two.index_of(0) == 3);
  CHECK(one.index_of(9) == index_space::none);
  CHECK(one.index_of(501) == 1);
  CHECK(space.used() == 4);
  CHECK(one.next_seq(0) == 1);
  CHECK(one.next_seq(0) == 2);
  CHECK(one.next_seq(1) == 1);
  CHECK(space.is(2, 500));
  CHECK_FALSE(space.is(1, 500));
  CHECK_FALSE(space.is(4, 500));
}

TEST_CASE("keys: every key of a full table is found again") {
  index_space space{16'384};
  key_table table{space};
  std::mt19937_64 random{7};
  std::vector<std::uint64_t> keys(16'384);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    keys[i] = i % 2 == 0 ? i << 32 : random();
    REQUIRE(table.index_of(keys[i]) == i);
  }
  CHECK(table.index_of(12'345) == index_space::none);
  for (std::size_t i = 0; i < keys.size(); ++i) REQUIRE(table.index_of(keys[i]) == i);
}

TEST_CASE("keys: two lanes never get the same index") {
  index_space space{10'000};
  std::vector<std::uint32_t> seen[2];
  const auto take = [&](int lane) {
    key_table table{space};
    for (std::uint64_t key = 0; key < 6000; ++key) seen[lane].push_back(table.index_of(key));
  };
  std::thread other{[&] { take(1); }};
  take(0);
  other.join();
  std::vector<std::uint32_t> all;
  for (const auto& each : seen)
    std::copy_if(each.begin(), each.end(), std::back_inserter(all),
                 [](std::uint32_t index) { return index != index_space::none; });
  std::sort(all.begin(), all.end());
  REQUIRE(all.size() == 10'000);
  for (std::uint32_t i = 0; i < all.size(); ++i) REQUIRE(all[i] == i);
}

// --- attributes ---------------------------------------------------------------------------------

TEST_CASE("attributes: a table a source, replaced as a whole, old views stay") {
  attributes all;
  const sluice_str names[] = {borrow("symbol"), borrow("type")};
  const sluice_str nifty[] = {borrow("NIFTY"), borrow("index")}, acc[] = {borrow("ACC"), {}};
  const attributes::row rows[] = {{3, nifty}, {5, acc}};
  all.publish(0, names, rows);
  const auto before = all.view();
  CHECK(before->generation == 1);
  CHECK(before->get(3, "symbol") == "NIFTY");
  CHECK(before->get(5, "type") == "");
  CHECK(before->get(5, "segment") == "");
  CHECK(before->get(4, "symbol") == "");
  CHECK(before->get(99, "symbol") == "");

  const sluice_str other_names[] = {borrow("segment")}, nse[] = {borrow("NSE")};
  const attributes::row other_rows[] = {{4, nse}};
  all.publish(7, other_names, other_rows);
  CHECK(all.view()->get(4, "segment") == "NSE");
  CHECK(all.view()->get(3, "symbol") == "NIFTY");

  all.publish(0, names, std::span{rows, 2}.subspan(1));
  CHECK(all.generation() == 3);
  CHECK(all.view()->get(3, "symbol") == "");
  CHECK(all.view()->get(5, "symbol") == "ACC");
  CHECK(all.view()->get(4, "segment") == "NSE");
  CHECK(before->get(3, "symbol") == "NIFTY");
}

TEST_CASE("schemas: numbers from 1, the same for the same name") {
  runtime::schemas formats;
  CHECK_FALSE(formats.known(0));
  CHECK_FALSE(formats.known(1));
  CHECK(formats.number("a/1") == 1);
  CHECK(formats.number("b/1") == 2);
  CHECK(formats.number("a/1") == 1);
  CHECK(formats.name(2) == "b/1");
  CHECK(formats.name(3) == "");
  CHECK(formats.known(2));
  CHECK_FALSE(formats.known(3));
  CHECK(formats.codec(1) == nullptr);
}

// --- latencies ----------------------------------------------------------------------------------

std::vector<std::int64_t> latencies_of(int kind, std::mt19937_64& random) {
  std::lognormal_distribution<double> lognormal{std::log(1e6), 0.8}, tail{std::log(4e7), 0.3};
  std::uniform_real_distribution<double> uniform{1e4, 1e8}, share{0, 1};
  std::exponential_distribution<double> exponential{1e-6};
  std::vector<std::int64_t> made;
  for (int i = 0; i < 10'000; ++i) {
    double ns = 0;
    switch (kind) {
      case 0: ns = lognormal(random); break;
      case 1: ns = uniform(random); break;
      case 2: ns = exponential(random); break;
      case 3: ns = share(random) < 0.9 ? lognormal(random) / 10 : tail(random); break;  // two humps
      default: ns = 1e5 / std::sqrt(1 - share(random)); break;  // a heavy tail: Pareto, 2
    }
    made.push_back(static_cast<std::int64_t>(std::clamp(ns, 2'048.0, 6e10)));
  }
  return made;
}

TEST_CASE("latencies: a percentile is at most a 32nd off, the mean and the largest are exact") {
  std::mt19937_64 random{test_seed()};
  constexpr std::int64_t now = 5'000'000'000;
  for (int kind = 0; kind < 5; ++kind) {
    CAPTURE(kind);
    std::vector<std::int64_t> truth = latencies_of(kind, random);
    latency_window window{60'000'000'000};
    for (const std::int64_t each : truth) window.add(each, now);
    std::sort(truth.begin(), truth.end());
    for (const auto& read : {window.read(now), window.read_longer(now)}) {
      const auto near = [&](std::int64_t got, std::size_t per_mille) {
        const auto exact = static_cast<double>(truth[truth.size() * per_mille / 1000 - 1]);
        CHECK(std::abs(static_cast<double>(got) - exact) <= exact / 32 + 1);
      };
      near(read.p50_ns, 500);
      near(read.p95_ns, 950);
      near(read.p99_ns, 990);
      CHECK(read.max_ns == truth.back());
      const double mean = std::accumulate(truth.begin(), truth.end(), 0.0) / 10'000;
      CHECK(std::abs(static_cast<double>(read.mean_ns) - mean) <= 1);
    }
  }
}

TEST_CASE("latencies: of the last 60 seconds, each second leaves by itself") {
  latency_window window{60'000'000'000};
  constexpr std::int64_t second = 1'000'000'000;
  for (std::int64_t at = 1; at <= 100; ++at)
    for (int i = 0; i < 100; ++i) window.add(at * 1'000'000, at * second);
  CHECK(window.read_longer(100 * second).max_ns == 100'000'000);
  CHECK(window.read_longer(100 * second).mean_ns == 70'500'000);  // of 41 ms to 100 ms
  CHECK(window.read_longer(159 * second).mean_ns == 100'000'000);
  CHECK(window.read_longer(160 * second).max_ns == 0);
  CHECK(window.read(100 * second).mean_ns == 100'000'000);
}

TEST_CASE("latencies: since the start, each is counted at its bound, also next to one") {
  std::mt19937_64 random{test_seed()};
  std::vector<std::int64_t> all = latencies_of(0, random);
  for (const std::int64_t bound : runtime::latency_bounds_ns)
    for (const std::int64_t off : {-1000, -1, 0, 1, 1000}) all.push_back(bound + off);
  runtime::latency_totals one_by_one, together;
  runtime::latency_histogram truth;
  constexpr std::int64_t end = 1'000'000'000'000;
  std::vector<std::int64_t> begins;
  for (const std::int64_t each : all) {
    one_by_one.add(each, 1);
    begins.push_back(end - each);
    const auto found = std::lower_bound(runtime::latency_bounds_ns.begin(),
                                        runtime::latency_bounds_ns.end(), each);
    ++truth.count[static_cast<std::size_t>(found - runtime::latency_bounds_ns.begin())];
  }
  together.add(begins, end);
  CHECK(one_by_one.read().count == truth.count);
  CHECK(together.read().count == truth.count);
  CHECK(together.read().sum_s == doctest::Approx(one_by_one.read().sum_s));
}

TEST_CASE("latencies: what is below the smallest bucket or beyond the largest is still counted") {
  latency_window window{60'000'000'000};
  window.add(-5, 0);
  window.add(0, 0);
  window.add(3'600'000'000'000, 0);
  CHECK(window.read(0).max_ns == 3'600'000'000'000);
  CHECK(window.read(0).p50_ns < 128);
}

TEST_CASE("latencies: of the last second, the largest when they are few") {
  latency_window window{60'000'000'000};
  constexpr std::int64_t second = 1'000'000'000;
  for (int i = 0; i < 10; ++i) window.add(1'000'000, 10 * second);
  window.add(80'000'000, 10 * second);
  CHECK(window.read(10 * second).p95_ns == 80'000'000);
  CHECK(window.read(10 * second + 899'999'999).max_ns == 80'000'000);
  CHECK(window.read(11 * second).max_ns == 0);
  CHECK(window.read(11 * second).p50_ns == 0);
}

TEST_CASE("latencies: since the start, of several records at once") {
  runtime::latency_totals totals;
  totals.add(1'000'000, 10);
  totals.add(80'000'000, 1);
  CHECK(totals.read().count[3] == 10);  // up to 1 ms
  CHECK(totals.read().count[9] == 1);   // up to 100 ms
  CHECK(totals.read().sum_s == doctest::Approx(0.09));
}

TEST_CASE("latency: what is reported after its second never clears what came since") {
  latency_window window{60'000'000'000};
  window.add(5'000'000, 70'000'000'000);
  window.add(9'000'000'000, 69'000'000'000);  // of the same slot of the second's ring
  CHECK(window.read(70'000'000'000).max_ns == 5'000'000);
  CHECK(window.read_longer(70'000'000'000).max_ns == 9'000'000'000);
  window.add(9'000'000'000, 10'000'000'000);  // and of the minute's
  CHECK(window.read_longer(70'000'000'000).max_ns == 9'000'000'000);
  CHECK(window.read(70'000'000'000).max_ns == 5'000'000);
}

TEST_CASE("latency: the longer window is as long as it is told") {
  constexpr std::int64_t second = 1'000'000'000;
  for (const std::int64_t length : {second, 5 * second, 300 * second}) {
    CAPTURE(length);
    latency_window window{length};
    const std::int64_t at = 1'000 * second;
    window.add(7'000'000, at);
    CHECK(window.read_longer(at + length * 58 / 60).max_ns == 7'000'000);
    CHECK(window.read_longer(at + length).max_ns == 0);
  }
}

}  // namespace stores_test
