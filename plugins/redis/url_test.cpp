#include "url.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace url_test {

using namespace sluice::redis;

TEST_CASE("redis url: what each part means") {
  struct expected {
    const char* url;
    transport_kind kind;
    const char *host, *path, *user, *password;
    int port, database;  // database -1: none
    const char* masked;
  };
  using enum transport_kind;
  const expected table[] = {
      {"redis://localhost", tcp, "localhost", "", "", "", 6379, -1, "redis://localhost:6379"},
      {"redis://10.0.0.1:7000/3", tcp, "10.0.0.1", "", "", "", 7000, 3, "redis://10.0.0.1:7000/3"},
      {"redis://h/", tcp, "h", "", "", "", 6379, -1, "redis://h:6379"},
      {"redis://h?db=4", tcp, "h", "", "", "", 6379, 4, "redis://h:6379/4"},
      {"redis://:pw@h:1", tcp, "h", "", "", "pw", 1, -1, "redis://h:1"},
      {"redis://me:p%40w%3a@h", tcp, "h", "", "me", "p@w:", 6379, -1, "redis://h:6379"},
      {"redis://me:p@w:x@h", tcp, "h", "", "me", "p@w:x", 6379, -1, "redis://h:6379"},
      {"redis://me@h", tcp, "h", "", "me", "", 6379, -1, "redis://h:6379"},
      {"rediss://me:pw@[::1]:6380/0", tls, "::1", "", "me", "pw", 6380, 0, "rediss://[::1]:6380/0"},
      {"rediss://[fe80::1]", tls, "fe80::1", "", "", "", 6379, -1, "rediss://[fe80::1]:6379"},
      {"unix:///run/redis.sock", unix_socket, "", "/run/redis.sock", "", "", 6379, -1,
       "unix:///run/redis.sock"},
      {"unix:///a@b?db=2", unix_socket, "", "/a@b", "", "", 6379, 2, "unix:///a@b?db=2"},
      {"unix://me:pw@/a?db=2", unix_socket, "", "/a", "me", "pw", 6379, 2, "unix:///a?db=2"},
  };
  for (const expected& row : table) {
    CAPTURE(row.url);
    const address got = parse_url(row.url);
    CHECK(got.kind == row.kind);
    CHECK(got.server.host == row.host);
    CHECK(got.path == row.path);
    CHECK(got.user == row.user);
    CHECK(got.password == row.password);
    CHECK(got.server.port == row.port);
    CHECK((got.database ? static_cast<int>(*got.database) : -1) == row.database);
    CHECK(masked(got) == row.masked);
  }
}

TEST_CASE("redis url: a cluster, by its scheme or by several hosts") {
  const address got = parse_url("redis+cluster://me:p%40@a,b:1,[::1]:2");
  CHECK(got.kind == transport_kind::tcp);
  CHECK(got.user == "me");
  CHECK(got.password == "p@");
  REQUIRE(got.seeds.size() == 3);
  CHECK(got.server.host.empty());
  CHECK(masked(got) == "redis+cluster://a:6379,b:1,[::1]:2");
  CHECK(masked(parse_url("redis://n1:6379,n2:6379,n3:6379")) ==
        "redis+cluster://n1:6379,n2:6379,n3:6379");
  CHECK(masked(parse_url("rediss+cluster://a/0")) == "rediss+cluster://a:6379/0");
  CHECK(parse_url("rediss://a,b").kind == transport_kind::tls);
  for (const char* url : {"redis+cluster://a/1", "redis://a,b?db=2", "redis+cluster://",
                          "redis+cluster://a,", "redis://a,,b"}) {
    CAPTURE(url);
    CHECK_THROWS_AS(parse_url(url), std::invalid_argument);
  }
}

TEST_CASE("redis url: sentinels and the master they watch") {
  const address got = parse_url("redis+sentinel://me:pw@a,b:1,[::1]:2/prices/3");
  CHECK(got.kind == transport_kind::tcp);
  CHECK(got.user == "me");
  CHECK(got.password == "pw");
  CHECK(got.master == "prices");
  CHECK(got.database == 3u);
  CHECK(masked(got) == "redis+sentinel://a:26379,b:1,[::1]:2/prices/3");
  CHECK(masked(parse_url("rediss+sentinel://a/m")) == "rediss+sentinel://a:26379/m");
  CHECK(masked(parse_url("redis+sentinel://a/m/?db=4")) == "redis+sentinel://a:26379/m/4");
  CHECK(parse_url("rediss+sentinel://a/m").kind == transport_kind::tls);
}

TEST_CASE("redis url: what is wrong is said, and no secret with it") {
  const struct {
    const char *url, *message;
  } table[] = {
      {"", "is not a URL of a Redis"},
      {"localhost:6379", "is not a URL of a Redis"},
      {"http://me:hidden@h", "is not a URL of a Redis"},
      {"redis://", "the host is missing"},
      {"redis://me:hidden@", "the host is missing"},
      {"redis://me:hidden@h:port", "the port is not a number"},
      {"redis://h:0", "the port is not a number"},
      {"redis://h:65536", "the port is not a number"},
      {"redis://h:", "the port is empty"},
      {"redis://[::1]:", "the port is empty"},
      {"redis://[::1", "is not closed"},
      {"redis://[::1]x", "text follows"},
      {"redis://a b", "a character that no host has"},
      {"redis://h/x", "the database is not a number"},
      {"redis://h/-1", "the database is not a number"},
      {"redis://h/1?db=2", "the database is given twice"},
      {"redis+sentinel://me:hidden@a", "the name of the sentinels' master is missing"},
      {"redis+sentinel://a,/m", "the host is missing"},
      {"redis+sentinel:///m", "the host is missing"},
      {"redis+sentinel://a:x/m", "the port is not a number"},
      {"redis+sentinel://a/m/x", "the database is not a number"},
      {"redis://h?tls=1", "only ?db=N"},
      {"redis://me:hidden%4@h", "two hexadecimal digits"},
      {"redis://me:hidden%zz@h", "two hexadecimal digits"},
      {"unix://run/x", "does not begin with '/'"},
  };
  for (const auto& row : table) {
    CAPTURE(row.url);
    std::string message;
    try {
      parse_url(row.url);
    } catch (const std::invalid_argument& error) {
      message = error.what();
    }
    CHECK(message.find(row.message) != std::string::npos);
    CHECK(message.find("; allowed are redis://") != std::string::npos);
    CHECK(message.find("hidden") == std::string::npos);
  }
  CHECK_THROWS_AS(parse_url("unix:///" + std::string(107, 'x')), std::invalid_argument);
  CHECK_NOTHROW(parse_url("unix:///" + std::string(106, 'x')));
}

}  // namespace url_test
