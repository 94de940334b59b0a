#include "switch_notice.hpp"

#include <doctest/doctest.h>

#include <string>

namespace switch_notice_test {

using namespace sluice::redis;
using progress = switch_notice::progress;

namespace {

struct fixture {
  switch_notice notice;
  std::string sent;

  explicit fixture(const identity& as = {}) { notice.ask(as, "prices", sent); }
  progress feed(std::string_view bytes) { return notice.feed({bytes.data(), bytes.size()}); }
};

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

std::string message(const std::string& text) {
  return "*3\r\n" + bulk("message") + bulk("+switch-master") + bulk(text);
}

const std::string subscribed = "*3\r\n" + bulk("subscribe") + bulk("+switch-master") + ":1\r\n";

}  // namespace

TEST_CASE("switch notice: the master of its name is another, in any two slices") {
  const std::string all = subscribed + message("prices 10.0.0.1 6379 10.0.0.2 6380");
  for (std::size_t cut = 0; cut < all.size(); ++cut) {
    fixture f;
    CHECK(f.sent == "*2\r\n$9\r\nSUBSCRIBE\r\n$14\r\n+switch-master\r\n");
    CHECK(f.feed(all.substr(0, cut)) ==
          (cut < subscribed.size() ? progress::waiting : progress::listening));
    REQUIRE(f.feed(all.substr(cut)) == progress::switched);
    CHECK(f.notice.master() == place{"10.0.0.2", 6380});
  }
}

TEST_CASE("switch notice: other masters, and what is no such message, say nothing") {
  fixture f;
  CHECK(f.feed(subscribed) == progress::listening);
  for (const char* text : {"other 10.0.0.1 6379 10.0.0.2 6380", "prices", "",
                           "prices 10.0.0.1 6379 10.0.0.2 x", "prices 10.0.0.1 6379 10.0.0.2 0",
                           "prices 10.0.0.1 6379 10.0.0.2 66000", "prices 10.0.0.1 6379  6380"}) {
    CAPTURE(text);
    CHECK(f.feed(message(text)) == progress::waiting);
  }
  // Of several the last counts.
  CHECK(f.feed(message("prices a 1 b 2") + message("prices b 2 c 3") + message("other a 1 b 2")) ==
        progress::switched);
  CHECK(f.notice.master() == place{"c", 3});
}

TEST_CASE("switch notice: a password of the sentinel's own, and what refuses") {
  fixture f{{"joe", "hidden", 0, ""}};
  CHECK(f.sent.starts_with("*3\r\n$4\r\nAUTH\r\n$3\r\njoe\r\n$6\r\nhidden\r\n"));
  CHECK(f.feed("+OK\r\n") == progress::waiting);
  CHECK(f.feed(subscribed) == progress::listening);

  const struct {
    const char *reply, *reason;
  } table[] = {{"-ERR unknown command `AUTH` with args `hidden`\r\n", "AUTH was answered ERR"},
               {"+OK\r\n-NOPERM no\r\n", "NOPERM no"},
               {"+OK\r\n:1\r\n", "the answer is neither a subscription nor a message"},
               {"HTTP/1.1 400\r\n", "what came is not the Redis protocol"}};
  for (const auto& row : table) {
    CAPTURE(row.reply);
    fixture g{{"", "hidden", 0, ""}};
    CHECK(g.feed(row.reply) == progress::failed);
    CHECK(g.notice.reason() == row.reason);
  }
}

}  // namespace switch_notice_test
