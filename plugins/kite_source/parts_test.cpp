// The small parts: market hours, times, cached ticks, handler memory.
#include "feed_socket.hpp"
#include "handler_pool.hpp"
#include "market_hours.hpp"
#include "moments.hpp"
#include "reader_watch.hpp"
#include "snapshot_filter.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;

namespace sluice::kite_source::parts_test {
namespace {

/// 2026-01-05, a Monday, 00:00 in India.
constexpr duration monday = std::chrono::seconds{1'767'551'400};

TEST_CASE("a reader that comes late is told of, until it was not for a while") {
  reader_watch watch;
  time_point now{100s};
  CHECK_FALSE(watch.back(now));
  // Waiting for messages is no lateness.
  now += 10s;
  watch.away(now);
  now += 249ms;
  watch.away(now);
  CHECK_FALSE(watch.back(now));
  watch.away(now);
  now += 100ms;
  watch.away(now);  // since the first
  now += 150ms;
  CHECK(watch.back(now) == level::warning);
  CHECK(watch.latest() == 250ms);
  now += 4s;
  watch.away(now);
  now += 1s;
  CHECK(watch.back(now) == level::critical);
  watch.away(now);
  now += 250ms;
  CHECK_FALSE(watch.back(now));  // not better by being late again
  now += 5s - 1ns;
  CHECK_FALSE(watch.back(now));
  now += 1ns;
  CHECK(watch.back(now) == level::healthy);
  CHECK_FALSE(watch.back(now));
}

TEST_CASE("the market is open Monday to Friday in India's time") {
  const market_hours equity{"09:15-15:30"};
  CHECK_FALSE(equity.open(monday + 9h + 15min - 1s));
  CHECK(equity.open(monday + 9h + 15min));
  CHECK(equity.open(monday + 15h + 30min - 1s));
  CHECK_FALSE(equity.open(monday + 15h + 30min));
  for (int day = 0; day < 14; ++day) {
    CAPTURE(day);
    CHECK(equity.open(monday + 24h * day + 12h) == (day % 7 < 5));
  }
  CHECK(market_hours{"00:00-24:00"}.open(monday));
}

TEST_CASE("bad market hours are refused") {
  for (const char* wrong : {"", "9:15-15:30", "09:15-09:15", "15:30-09:15", "09:60-15:30",
                            "09:15-24:01", "09:15 15:30", "0a:15-15:30", "09:15-15:300"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(market_hours{wrong}, std::invalid_argument);
  }
}

TEST_CASE("times are written for people") {
  CHECK(seconds_text(6'150ms) == "6.2 s");
  CHECK(utc_text(duration{1'767'585'600'123'456'789}) == "2026-01-05T04:00:00.123Z");
  CHECK(utc_text(duration{0}) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("a cached tick is older than the connection, or the first without a time") {
  const std::vector<std::uint32_t> tokens{10, 20};
  snapshot_filter filter{tokens};
  const time_point now{100s};
  CHECK_FALSE(filter.active(now));
  filter.opened(now, 1'000s);
  CHECK(filter.active(now));
  CHECK(filter.active(now + 10s - 1ns));
  CHECK_FALSE(filter.active(now + 10s));
  CHECK(filter.cached(10, 999));
  CHECK(filter.cached(10, 999));
  CHECK_FALSE(filter.cached(10, 1'000));
  CHECK(filter.cached(20, 0));
  CHECK_FALSE(filter.cached(20, 0));
  CHECK_FALSE(filter.cached(30, 0));
  filter.opened(now, 1'000s);
  CHECK(filter.cached(20, 0));
}

TEST_CASE("what a server says makes at most 10 events in 10 s") {
  event_budget budget;
  const time_point now{100s};
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += budget.take(now) ? 1 : 0;
  CHECK(taken == 10);
  CHECK_FALSE(budget.take(now + 10s - 1ns));
  CHECK(budget.take(now + 10s));
}

TEST_CASE("handler memory is used again, whatever its size") {
  handler_pool pool;
  for (const std::size_t size : {1u, 64u, 65u, 128u, 1'000u, 8'192u, 8'193u, 100'000u}) {
    CAPTURE(size);
    void* first = pool.take(size);
    void* second = pool.take(size);
    CHECK(first != second);
    std::memset(first, 1, size);
    std::memset(second, 2, size);
    pool.give(first, size);
    if (size <= 8'192) CHECK(pool.take(size) == first);
    if (size <= 8'192) pool.give(first, size);
    pool.give(second, size);
  }
}

}  // namespace
}  // namespace sluice::kite_source::parts_test
