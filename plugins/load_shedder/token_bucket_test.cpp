#include "token_bucket.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using sluice::load_shedder::token_bucket;

namespace {
sluice::time_point at(sluice::duration since_start) { return sluice::time_point{since_start}; }

int take_all(token_bucket& from) {
  int taken = 0;
  while (from.take()) ++taken;
  return taken;
}
}  // namespace

TEST_CASE("a bucket starts full and refills to its burst, not beyond") {
  token_bucket bucket;
  bucket.refill(at(0s), 1000, 100ms);
  CHECK(take_all(bucket) == 100);
  bucket.refill(at(10ms), 1000, 100ms);
  CHECK(take_all(bucket) == 10);
  bucket.refill(at(10s), 1000, 100ms);
  CHECK(take_all(bucket) == 100);
}

TEST_CASE("parts of a token are kept") {
  token_bucket bucket;
  bucket.refill(at(0s), 3, 1s);
  CHECK(take_all(bucket) == 3);
  int taken = 0;
  for (int ms = 1; ms <= 7000; ++ms) {
    bucket.refill(at(ms * 1ms), 3, 1s);
    taken += take_all(bucket);
  }
  CHECK(taken == 21);
}

TEST_CASE("it holds one token, however slow the rate") {
  token_bucket bucket;
  bucket.refill(at(0s), 1, 1ms);
  CHECK(take_all(bucket) == 1);
  bucket.refill(at(999ms), 1, 1ms);
  CHECK(take_all(bucket) == 0);
  bucket.refill(at(1s), 1, 1ms);
  CHECK(take_all(bucket) == 1);
}

TEST_CASE("what is spent beyond is owed, a second of the rate at most") {
  token_bucket bucket;
  bucket.refill(at(0s), 10, 100ms);
  CHECK(take_all(bucket) == 1);
  for (int i = 0; i < 5; ++i) bucket.spend();
  bucket.refill(at(500ms), 10, 100ms);
  CHECK(take_all(bucket) == 0);
  bucket.refill(at(600ms), 10, 100ms);
  CHECK(take_all(bucket) == 1);
  for (int i = 0; i < 5000; ++i) bucket.spend();
  bucket.refill(at(600ms), 10, 100ms);
  bucket.refill(at(1600ms), 10, 100ms);
  CHECK(take_all(bucket) == 0);
  bucket.refill(at(1700ms), 10, 100ms);
  CHECK(take_all(bucket) == 1);
}

TEST_CASE("the largest rate and burst, after any time, stay within bounds") {
  token_bucket bucket;
  bucket.refill(at(6h), token_bucket::max_rate, 1ms);
  CHECK(take_all(bucket) == 100'000);
  bucket.refill(at(24h * 365 * 100), token_bucket::max_rate, token_bucket::max_burst);
  int taken = 0;
  while (taken < 1'000'000 && bucket.take()) ++taken;
  CHECK(taken == 1'000'000);
  bucket.refill(at(24h * 365 * 200), 0, 1ms);
  CHECK(take_all(bucket) == 1);
}
