#include "reader_watch.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <initializer_list>
#include <optional>
#include <string>

namespace reader_watch_test {

using namespace sluice;
using namespace sluice::redis_sink;
using namespace std::chrono_literals;

namespace {

/// A second of each of these; "before>now@second" of each fall that was told.
struct seconds_of {
  reader_watch watch;
  time_point now{1h};
  int second = 0;

  std::string run(std::initializer_list<std::uint64_t> each) {
    std::string told;
    for (const std::uint64_t readers : each) {
      for (const std::uint64_t most : {std::uint64_t{0}, readers, std::uint64_t{0}}) {
        if (const auto fall = watch.saw(most, now))
          told += std::to_string(fall->before) + ">" + std::to_string(fall->now) + "@" +
                  std::to_string(second) + " ";
        now += 400ms;
      }
      ++second;
    }
    return told;
  }
};

}  // namespace

TEST_CASE("reader watch: a fall that holds is told once, and the next one again") {
  seconds_of with;
  CHECK(with.run({3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2}) == "3>2@7 ");
  CHECK(with.run({0, 0, 0, 0, 0, 0, 0, 0}) == "2>0@15 ");
}

TEST_CASE("reader watch: a lull, a rise and nobody at all are no fall") {
  CHECK(seconds_of{}.run({3, 3, 3, 0, 2, 3, 0, 0, 3, 1, 3}) == "");
  CHECK(seconds_of{}.run({0, 1, 2, 3, 4, 5, 6, 7, 8}) == "");
  CHECK(seconds_of{}.run({0, 0, 0, 0, 0, 0, 0}) == "");
}

TEST_CASE("reader watch: seconds without a message say nothing") {
  seconds_of with;
  with.run({3, 3, 3, 3});
  with.now += 10min;
  CHECK(with.run({3, 3, 3, 3, 3}) == "");
}

TEST_CASE("reader watch: what is long ago is forgotten") {
  seconds_of with;
  CHECK(with.run({9, 5, 5}) == "");
  for (int i = 0; i < 200; ++i) CHECK(with.run({5}) == (i == 1 ? "9>5@4 " : ""));
  CHECK(with.run({4, 4, 4, 4}) == "5>4@206 ");
}

}  // namespace reader_watch_test
