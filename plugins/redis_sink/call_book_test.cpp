#include "call_book.hpp"
#include "random_test.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace call_book_test {

using namespace sluice::redis_sink;
using namespace std::chrono_literals;
using sluice::time_point;

namespace {

constexpr time_point t0{1'000s};

struct recorder final : session::listener {
  std::vector<sluice_outcome> told;
  void ended(const sluice_outcome& outcome) override { told.push_back(outcome); }
  void refused(std::uint32_t, std::string_view) override {}
};

/// A buffer of commands `texts`, each behind the prefix ">".
publish_buffer buffer_of(const std::vector<std::string>& texts) {
  publish_buffer made{100};
  for (const std::string& text : texts)
    (void)made.append(">", text.size(), [&](char* out, std::uint64_t) {
      text.copy(out, text.size());
      return std::uint64_t{text.size()};
    });
  return made;
}

sluice_outcome how(std::uint32_t result, std::uint32_t cause = SLUICE_CAUSE_NONE,
                   std::uint64_t receivers = 0) {
  sluice_outcome made{};
  made.result = result;
  made.cause = cause;
  made.receivers = receivers;
  made.done_ns = (t0 + 5ms).time_since_epoch().count();
  return made;
}

std::string text_of(std::span<const char> bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

TEST_CASE("call book: ends in any order are told in the order of the messages") {
  recorder told;
  call_book book{told};
  publish_buffer messages = buffer_of({"a", "bb", "c", "d"});
  messages.last_label().slot = 7;
  const std::uint16_t call = book.open(messages, 42, t0);
  CHECK(messages.count() == 0);
  CHECK(book.open_calls() == 1);
  CHECK(text_of(book.bytes({call, 1})) == ">2\r\nbb\r\n");
  CHECK(book.label({call, 3}).slot == 7);
  CHECK(book.written({call, 0}) == t0);

  book.end({call, 2}, how(SLUICE_PUBLISH_FAILED, SLUICE_CAUSE_BUSY));
  book.end({call, 1}, how(SLUICE_PUBLISHED, SLUICE_CAUSE_NONE, 3));
  CHECK(told.told.empty());
  book.end({call, 0}, how(SLUICE_PUBLISHED, SLUICE_CAUSE_NONE, 4));
  REQUIRE(told.told.size() == 2);
  CHECK(told.told[0].call == 42);
  CHECK(told.told[0].count == 2);
  CHECK(told.told[0].receivers == 7);
  CHECK(told.told[0].written_ns == t0.time_since_epoch().count());
  CHECK(told.told[1].count == 1);
  CHECK(told.told[1].cause == SLUICE_CAUSE_BUSY);
  CHECK(book.open_calls() == 1);
  book.end({call, 3}, how(SLUICE_PUBLISH_UNKNOWN, SLUICE_CAUSE_TIMEOUT));
  CHECK(told.told.back().result == SLUICE_PUBLISH_UNKNOWN);
  CHECK(book.open_calls() == 0);
}

TEST_CASE("call book: at random, each message of each call ends once") {
  std::mt19937_64 random{sluice::test_seed()};
  recorder told;
  call_book book{told};
  std::uint64_t last_call = 0, ended = 0, opened = 0;
  std::vector<std::pair<call_book::ticket, std::uint32_t>> open;
  for (int step = 0; step < 20'000; ++step) {
    if (book.open_calls() < call_book::calls_max && random() % 3 == 0) {
      const std::size_t count = random() % 20 + 1;
      publish_buffer messages = buffer_of(std::vector<std::string>(count, "x"));
      const std::uint16_t call = book.open(messages, ++last_call, t0);
      opened += count;
      for (std::uint16_t i = 0; i < count; ++i)
        open.push_back({{call, i}, static_cast<std::uint32_t>(random() % 3)});
    }
    if (open.empty()) continue;
    std::swap(open[random() % open.size()], open.back());
    const auto [ticket, result] = open.back();
    open.pop_back();
    book.end(ticket, how(result));
  }
  for (const auto& [ticket, result] : open) book.end(ticket, how(result));
  CHECK(book.open_calls() == 0);
  for (const auto& each : told.told) ended += each.count;
  CHECK(ended == opened);
}

}  // namespace call_book_test
