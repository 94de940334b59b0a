#include "admission.hpp"

#include <doctest/doctest.h>

namespace admission_test {

using sluice::kite_server::accepts;
using sluice::kite_server::parse_credentials;

TEST_CASE("admission: the query of every official client is read") {
  const auto found = parse_credentials("/?api_key=abc&access_token=XyZ09&uid=1700000000000");
  REQUIRE(found);
  CHECK(found->api_key == "abc");
  CHECK(found->access_token == "XyZ09");

  const auto bare = parse_credentials("?api_key=abc&access_token=a%2Fb%2bc%3D");
  REQUIRE(bare);
  CHECK(bare->access_token == "a/b+c=");
}

TEST_CASE("admission: what is missing is empty") {
  for (const char* target : {"/", "", "/?", "/?api_key", "/?&&", "/?other=1"}) {
    CAPTURE(target);
    const auto found = parse_credentials(target);
    REQUIRE(found);
    CHECK(found->api_key.empty());
    CHECK(found->access_token.empty());
  }
}

TEST_CASE("admission: a malformed query is nothing") {
  for (const char* target : {"/?api_key=a%", "/?api_key=a%4", "/?api_key=%zz", "/?access_token=a+b",
                             "/?access_token=a/b", "/?access_token=abc=="}) {
    CAPTURE(target);
    CHECK_FALSE(parse_credentials(target));
  }
}

TEST_CASE("admission: a list accepts its members, an empty one anything") {
  CHECK(accepts("", "x"));
  CHECK(accepts(" , ", "x"));
  CHECK_FALSE(accepts("", ""));
  CHECK(accepts("a, b ,c\n", "b"));
  CHECK(accepts("a, b ,c\n", "c"));
  CHECK_FALSE(accepts("a,b", "ab"));
  CHECK_FALSE(accepts("a,b", ""));
}

}  // namespace admission_test
