#include "master_query.hpp"

#include <doctest/doctest.h>

#include <string>

namespace master_query_test {

using namespace sluice::redis;

namespace {

struct fixture {
  master_query query;
  std::string sent;

  explicit fixture(const identity& as = {}) { query.ask(as, "prices", sent); }
  master_query::progress feed(std::string_view bytes) {
    return query.feed({bytes.data(), bytes.size()});
  }
};

constexpr std::string_view answer = "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n7001\r\n";

}  // namespace

TEST_CASE("master query: an answer in any two slices") {
  for (std::size_t cut = 0; cut < answer.size(); ++cut) {
    fixture f;
    CHECK(f.sent == "*3\r\n$8\r\nSENTINEL\r\n$23\r\nget-master-addr-by-name\r\n$6\r\nprices\r\n");
    CHECK(f.feed(answer.substr(0, cut)) == master_query::progress::waiting);
    REQUIRE(f.feed(answer.substr(cut)) == master_query::progress::found);
    CHECK(f.query.master().host == "127.0.0.1");
    CHECK(f.query.master().port == 7001);
  }
}

TEST_CASE("master query: with a password of the sentinel's own") {
  fixture f{{"joe", "hidden", 0, ""}};
  CHECK(f.sent.starts_with("*3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$6\r\nhidden\r\n"));
  CHECK(f.feed("+OK\r\n") == master_query::progress::waiting);
  CHECK(f.feed(answer) == master_query::progress::found);

  fixture other{{"", "hidden", 0, ""}};
  CHECK(other.sent.starts_with("*2\r\n$4\r\nAUTH\r\n$6\r\nhidden\r\n"));
  CHECK(other.feed("-ERR unknown command `AUTH` with `hidden`\r\n") ==
        master_query::progress::failed);
  CHECK(other.query.reason() == "AUTH was answered ERR");
}

TEST_CASE("master query: what is no answer says why") {
  const struct {
    const char *bytes, *reason;
  } table[] = {
      {"*-1\r\n", "knows no master `prices`"},
      {"-NOAUTH Authentication required.\r\n", "NOAUTH Authentication required."},
      {"*2\r\n$1\r\nh\r\n$1\r\n0\r\n", "the answer is not a host and a port"},
      {"*2\r\n$1\r\nh\r\n$5\r\n65536\r\n", "the answer is not a host and a port"},
      {"*2\r\n$0\r\n\r\n$1\r\n1\r\n", "the answer is not a host and a port"},
      {"*1\r\n$1\r\nh\r\n", "the answer is not a host and a port"},
      {":1\r\n", "the answer is not a host and a port"},
      {"HTTP/1.1 400\r\n", "what came is not the Redis protocol"},
  };
  for (const auto& row : table) {
    CAPTURE(row.bytes);
    fixture f;
    CHECK(f.feed(row.bytes) == master_query::progress::failed);
    CHECK(f.query.reason() == row.reason);
  }
}

TEST_CASE("master query: the next sentinel begins anew") {
  fixture f;
  CHECK(f.feed("*2\r\n$9\r\n127.0") == master_query::progress::waiting);
  f.query.ask({}, "prices", f.sent);
  CHECK(f.feed(answer) == master_query::progress::found);
}

}  // namespace master_query_test
