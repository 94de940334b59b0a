#include "adaptive_window.hpp"
#include "random_test.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <random>

namespace adaptive_window_test {

using namespace sluice;
using namespace sluice::redis_sink;
using namespace std::chrono_literals;

namespace {

/// A Redis that works off one batch after another, at the end of a network, and a sink that always
/// has a batch to send. Virtual time.
struct link_model {
  duration network, service;
  double jitter;  ///< of the service: up to so much of it more or less
  std::mt19937_64 random;

  adaptive_window window;
  time_point now{1s}, free_at{};
  struct batch {
    time_point sent, answered;
  };
  std::deque<batch> in_flight;
  std::uint64_t answered = 0;
  double limits = 0;  ///< summed over the answers

  link_model(duration net, duration each, double varies, std::uint32_t most, std::uint64_t seed)
      : network{net}, service{each}, jitter{varies}, random{seed}, window{most} {}

  void run(duration time) {
    answered = 0;
    limits = 0;
    for (const time_point end = now + time; now < end;) {
      while (in_flight.size() < window.limit()) send();
      now = in_flight.front().answered;
      const duration latency = now - in_flight.front().sent;
      in_flight.pop_front();
      window.answered(latency, now);
      ++answered;
      limits += window.limit();
    }
  }
  double mean_limit() const { return limits / static_cast<double>(answered); }

 private:
  void send() {
    std::uniform_real_distribution<double> vary{1 - jitter, 1 + jitter};
    const auto takes =
        duration{static_cast<duration::rep>(static_cast<double>(service.count()) * vary(random))};
    free_at = std::max(free_at, now + network / 2) + takes;
    in_flight.push_back({now, free_at + network / 2});
    window.sent(static_cast<std::uint32_t>(in_flight.size()));
  }
};

}  // namespace

TEST_CASE("adaptive window: grows only when it was full and latency did not rise") {
  adaptive_window window{4};
  time_point now{1s};
  const auto answer = [&](duration latency, std::uint32_t in_flight) {
    window.sent(in_flight);
    now += latency;
    window.answered(latency, now);
    return window.limit();
  };
  CHECK(answer(1ms, 1) == 1);  // nothing to compare it with
  CHECK(answer(1ms, 1) == 2);
  CHECK(answer(1ms, 1) == 2);  // not full
  CHECK(answer(1ms, 2) == 3);
  CHECK(answer(1ms, 3) == 4);
  CHECK(answer(1ms, 4) == 4);  // no more are allowed
  CHECK(answer(2ms, 4) == 3);  // latencies did not vary at all before
  CHECK(answer(1500us, 3) == 3);
  window.set_most(2);
  CHECK(window.limit() == 2);
}

TEST_CASE("adaptive window: failures make it smaller, once for each latency") {
  adaptive_window window{8};
  time_point now{1s};
  for (int i = 0; i < 20; ++i) {
    window.sent(8);
    now += 1ms;
    window.answered(1ms, now);
  }
  REQUIRE(window.limit() == 8);
  for (int i = 0; i < 5; ++i) window.failed(now + 1ms);
  CHECK(window.limit() == 7);
  for (int i = 2; i < 20; ++i) window.failed(now + i * 1ms);
  CHECK(window.limit() == 1);
}

TEST_CASE("adaptive window: one latency decides once, by the mean of what was answered in it") {
  adaptive_window window{8};
  time_point now{1s};
  window.sent(1);
  window.answered(1ms, now);
  // Within the next millisecond nothing is decided.
  for (int i = 0; i < 9; ++i) {
    window.sent(1);
    window.answered(500us, now + 500us);
  }
  CHECK(window.limit() == 1);
  window.answered(1ms, now + 1ms);
  CHECK(window.limit() == 2);
}

TEST_CASE("adaptive window: a far Redis gets all there may be, and is kept busy") {
  // 5 ms away, 0.2 ms a batch: 26 in flight would keep it busy.
  link_model far{5ms, 200us, 0.1, 8, test_seed()};
  far.run(1s);
  far.run(10s);
  CHECK(far.mean_limit() > 6);
  link_model alone{5ms, 200us, 0.1, 1, 1};
  alone.run(10s);
  CHECK(far.answered > 6 * alone.answered);
}

TEST_CASE("adaptive window: a near Redis is kept busy") {
  link_model near{20us, 200us, 0.1, 8, test_seed()};
  near.run(1s);
  near.run(10s);
  CHECK(near.answered > 10s / 200us * 95 / 100);
}

TEST_CASE("adaptive window: a Redis that becomes slow has fewer in flight") {
  for (const duration network : {20us, 5'000us}) {
    link_model link{network, 200us, 0.1, 8, test_seed()};
    link.run(5s);
    const std::uint32_t before = link.window.limit();
    CAPTURE(before);
    link.service = 10ms;
    std::uint32_t least = before;
    for (int i = 0; i < 20; ++i) {
      link.run(10ms);
      least = std::min(least, link.window.limit());
    }
    CHECK(least < before);
    link.service = 200us;
    link.run(2s);
    link.run(2s);
    CHECK(link.answered > 2s / std::max<duration>(200us, network / 8) * 80 / 100);
  }
}

}  // namespace adaptive_window_test
