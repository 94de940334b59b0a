#include "reply_reader.hpp"
#include "random_test.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

namespace reply_reader_test {

using namespace sluice::redis;

namespace {

struct seen {
  reply_kind kind;
  std::int64_t integer;
  std::string text;
  bool operator==(const seen&) const = default;
};

/// Feeds slices of random lengths (0: all at once).
std::vector<seen> read(std::string_view bytes, std::mt19937_64* random) {
  reply_reader reader;
  std::vector<seen> all;
  while (!bytes.empty()) {
    const std::size_t size =
        random == nullptr ? bytes.size() : std::min<std::size_t>(1 + (*random)() % 5, bytes.size());
    REQUIRE(reader.feed({bytes.data(), size}));
    bytes.remove_prefix(size);
    reply next;
    while (reader.next(next) == reply_reader::result::reply)
      all.push_back({next.kind, next.integer, std::string{next.text}});
  }
  return all;
}

}  // namespace

TEST_CASE("reply reader: every kind, in any slices") {
  const std::string bytes =
      "+OK\r\n-ERR no way\r\n:42\r\n:-7\r\n$5\r\nhe\r\no\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
      "*3\r\n:1\r\n$1\r\nx\r\n*2\r\n+a\r\n-b\r\n:9\r\n";
  const std::vector<seen> expected = {
      {reply_kind::status, 0, "OK"},      {reply_kind::error, 0, "ERR no way"},
      {reply_kind::integer, 42, ""},      {reply_kind::integer, -7, ""},
      {reply_kind::string, 0, "he\r\no"}, {reply_kind::string, 0, ""},
      {reply_kind::nil, 0, ""},           {reply_kind::nil, 0, ""},
      {reply_kind::array, 0, ""},         {reply_kind::array, 3, ""},
      {reply_kind::integer, 9, ""},
  };
  CHECK(read(bytes, nullptr) == expected);
  std::mt19937_64 random{sluice::test_seed()};
  for (int i = 0; i < 500; ++i) REQUIRE(read(bytes, &random) == expected);
}

TEST_CASE("reply reader: a long text is cut, not lost") {
  const std::string text(10'000, 'e');
  const auto all = read("-" + text + "\r\n:1\r\n", nullptr);
  REQUIRE(all.size() == 2);
  CHECK(all[0].text == text.substr(0, reply_reader::text_max));
  CHECK(all[1].integer == 1);
}

TEST_CASE("reply reader: after nonsense it stays broken until it is reset") {
  reply_reader reader;
  const std::string_view nonsense = "nonsense\r\n", good = ":1\r\n";
  REQUIRE(reader.feed({nonsense.data(), nonsense.size()}));
  reply next;
  CHECK(reader.next(next) == reply_reader::result::broken);
  CHECK_FALSE(reader.feed({good.data(), good.size()}));
  CHECK(reader.next(next) == reply_reader::result::broken);
  reader.reset();
  REQUIRE(reader.feed({good.data(), good.size()}));
  CHECK(reader.next(next) == reply_reader::result::reply);
  CHECK(next.integer == 1);
}

TEST_CASE("reply reader: random bytes never do harm") {
  std::mt19937_64 random{sluice::test_seed()};
  const std::string_view alphabet = "+-:$*\r\n0123456789ab\n\r\n";
  for (int round = 0; round < 2'000; ++round) {
    reply_reader reader;
    reply next;
    for (int i = 0; i < 20; ++i) {
      std::string bytes;
      for (std::uint64_t size = random() % 40; size > 0; --size)
        bytes += alphabet[random() % alphabet.size()];
      if (!reader.feed({bytes.data(), bytes.size()})) break;
      while (reader.next(next) == reply_reader::result::reply)
        CHECK((next.kind == reply_kind::string || next.text.size() <= reply_reader::text_max));
    }
  }
}

}  // namespace reply_reader_test
