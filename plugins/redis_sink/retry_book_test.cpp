#include "retry_book.hpp"
#include "random_test.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace retry_book_test {

using namespace sluice::redis_sink;
using namespace std::chrono_literals;
using sluice::time_point;

namespace {

constexpr time_point t0{1'000s};

/// A buffer of `count` commands "<text>0", "<text>1" ..., each of one record.
publish_buffer buffer_of(const std::string& text, int count) {
  publish_buffer made{100};
  for (int i = 0; i < count; ++i) {
    const std::string message = text + std::to_string(i);
    (void)made.append("", message.size(), [&](char* out, std::uint64_t) {
      message.copy(out, message.size());
      return std::uint64_t{message.size()};
    });
  }
  return made;
}

sluice_outcome how(std::uint64_t call, std::uint32_t count, std::uint32_t result) {
  sluice_outcome made{};
  made.call = call;
  made.count = count;
  made.result = result;
  return made;
}

sluice_outcome lost(std::uint64_t call, std::uint32_t count) {
  return how(call, count, SLUICE_PUBLISH_UNKNOWN);
}

/// The messages of what waits next.
std::string waiting(const retry_book& book) {
  std::string text{book.next().bytes.begin(), book.next().bytes.end()};
  std::string messages;
  for (std::size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos; at += 2) {
    const auto end = text.find("\r\n", at + 2);
    messages += text.substr(at + 2, end - at - 2) + " ";
    at = end;
  }
  return messages;
}

void send(retry_book& book, std::uint64_t id, const std::string& text, int count,
          time_point at = t0) {
  publish_buffer made = buffer_of(text, count);
  book.sent(made, id, at);
}

bool ends(retry_book& book, sluice_outcome outcome) { return book.ended(outcome); }

}  // namespace

TEST_CASE("retry book: what had no answer waits, from its first record without one, in order") {
  retry_book book;
  send(book, 1, "a", 3);
  send(book, 2, "b", 2, t0 + 1s);
  CHECK_FALSE(book.waiting());
  CHECK(ends(book, how(1, 2, SLUICE_PUBLISHED)));
  CHECK_FALSE(ends(book, lost(1, 1)));
  CHECK_FALSE(ends(book, lost(2, 2)));
  REQUIRE(book.waiting());
  CHECK(book.open_calls() == 2);
  CHECK(book.next().id == 1);
  CHECK(waiting(book) == "a2 ");
  CHECK(book.sent_again() == 1);
  CHECK(waiting(book) == "b0 b1 ");
  CHECK(book.sent_again() == 2);
  CHECK_FALSE(book.waiting());

  CHECK(ends(book, how(1, 1, SLUICE_PUBLISHED)));
  sluice_outcome second = how(2, 2, SLUICE_PUBLISH_FAILED);
  CHECK(book.ended(second));
  CHECK(second.written_ns == (t0 + 1s).time_since_epoch().count());
  CHECK(book.open_calls() == 0);
}

TEST_CASE("retry book: lost again before all went again") {
  retry_book book;
  send(book, 1, "a", 1);
  send(book, 2, "b", 1);
  CHECK_FALSE(ends(book, lost(1, 1)));
  CHECK_FALSE(ends(book, lost(2, 1)));
  book.sent_again();
  CHECK_FALSE(ends(book, lost(1, 1)));  // the session knows nothing of the second
  CHECK(waiting(book) == "a0 ");
  book.sent_again();
  book.sent_again();
  CHECK(ends(book, how(1, 1, SLUICE_PUBLISHED)));
  CHECK(ends(book, how(2, 1, SLUICE_PUBLISHED)));
}

TEST_CASE("retry book: records of several commands go again whole") {
  publish_buffer made{100};
  retry_book book;
  // Two records of two commands each.
  for (int i = 0; i < 4; ++i) {
    (void)made.append("", 2, [&](char* out, std::uint64_t) {
      out[0] = 'x';
      out[1] = static_cast<char>('0' + i);
      return std::uint64_t{2};
    });
    made.last_label().ends = i % 2 == 0 ? 0 : 1;
  }
  book.sent(made, 1, t0);
  CHECK(ends(book, how(1, 1, SLUICE_PUBLISHED)));
  CHECK_FALSE(ends(book, lost(1, 1)));
  CHECK(waiting(book) == "x2 x3 ");
  CHECK(book.sent_again() == 1);
}

TEST_CASE("retry book: what ends each connection is unknown in the end, and holds up no other") {
  retry_book book;
  send(book, 1, "a", 2);
  send(book, 2, "b", 2);
  CHECK(ends(book, how(1, 1, SLUICE_PUBLISHED)));
  for (std::uint32_t i = 1; i < retry_book::tries_max; ++i) {
    CHECK_FALSE(ends(book, lost(1, 1)));
    CHECK_FALSE(ends(book, lost(2, 2)));
    book.sent_again();
    book.sent_again();
  }
  CHECK(ends(book, lost(1, 1)));
  CHECK_FALSE(ends(book, lost(2, 2)));
  CHECK(book.open_calls() == 1);
  CHECK(waiting(book) == "b0 b1 ");
  book.sent_again();
  // An answer is progress: counting begins anew.
  for (std::uint32_t i = 1; i < retry_book::tries_max - 1; ++i) {
    CHECK_FALSE(ends(book, lost(2, 2)));
    book.sent_again();
  }
  CHECK(ends(book, how(2, 1, SLUICE_PUBLISHED)));
  CHECK_FALSE(ends(book, lost(2, 1)));
}

TEST_CASE("retry book: at random, every record ends once and in order, however often it is lost") {
  std::mt19937_64 random{sluice::test_seed()};
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  retry_book book;
  struct open_call {
    std::uint64_t id;
    std::uint32_t left;
  };
  std::vector<open_call> open;    // all, oldest first
  std::size_t on_connection = 0;  // of them
  std::uint64_t made = 0, ended = 0;
  const auto end_oldest = [&](std::uint32_t count) {
    open.front().left -= count;
    ended += count;
    if (open.front().left > 0) return;
    open.erase(open.begin());
    on_connection -= on_connection > 0 ? 1 : 0;
  };
  std::uint64_t id = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t what = below(10);
    if (book.waiting()) {
      REQUIRE(book.next().id == open[on_connection].id);
      REQUIRE(book.sent_again() == open[on_connection].left);
      ++on_connection;
    } else if (what < 4 && open.size() < retry_book::calls_max) {
      const std::uint32_t count = 1 + below(5);
      send(book, ++id, "m", static_cast<int>(count));
      open.push_back({id, count});
      ++on_connection;
      made += count;
    } else if (what < 9 && on_connection > 0) {
      const std::uint32_t count = 1 + below(open.front().left);
      REQUIRE(ends(book, how(open.front().id, count, SLUICE_PUBLISHED)));
      end_oldest(count);
    } else {
      const std::vector<open_call> gone(open.begin(),
                                        open.begin() + static_cast<std::ptrdiff_t>(on_connection));
      on_connection = 0;
      for (const open_call& each : gone)
        if (ends(book, lost(each.id, each.left))) end_oldest(each.left);
    }
    REQUIRE(book.open_calls() == open.size());
  }
  std::uint64_t left = 0;
  for (const open_call& each : open) left += each.left;
  CHECK(made == ended + left);
}

}  // namespace retry_book_test
