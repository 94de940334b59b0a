#include "endpoint.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

namespace sluice::kite_source::endpoint_test {
namespace {

TEST_CASE("addresses are parsed") {
  const endpoint real = parse_endpoint("wss://ws.kite.trade");
  CHECK(real.tls);
  CHECK(real.host == "ws.kite.trade");
  CHECK(real.port == 443);
  CHECK(real.path == "/");
  CHECK(real.authority() == "ws.kite.trade");

  const endpoint local = parse_endpoint("ws://127.0.0.1:9001/feed/1");
  CHECK_FALSE(local.tls);
  CHECK(local.port == 9001);
  CHECK(local.path == "/feed/1");
  CHECK(local.authority() == "127.0.0.1:9001");

  const endpoint six = parse_endpoint("wss://[::1]:8443");
  CHECK(six.host == "::1");
  CHECK(six.port == 8443);
  CHECK(six.authority() == "[::1]:8443");
  CHECK(parse_endpoint("ws://[::1]").port == 80);
}

TEST_CASE("bad addresses are refused") {
  for (const char* wrong : {"", "ws.kite.trade", "http://x", "wss://", "wss://:443",
                            "ws://x:", "ws://x:0", "ws://x:65536", "ws://x:80a", "ws://u@x",
                            "ws://x#a", "ws://x y", "ws://[::1", "ws://[::1]1", "ws://[]"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(parse_endpoint(wrong), std::invalid_argument);
  }
}

TEST_CASE("a refused address is not repeated where it may hold a token") {
  try {
    parse_endpoint("wss://x/?access_token=very-secret");
    FAIL("it was taken");
  } catch (const std::invalid_argument& wrong) {
    CHECK(std::string{wrong.what()}.find("very-secret") == std::string::npos);
  }
}

TEST_CASE("both secrets are percent-encoded in the target") {
  CHECK(percent_encode("aZ0-._~") == "aZ0-._~");
  CHECK(percent_encode("a+b/c=d e") == "a%2Bb%2Fc%3Dd%20e");
  CHECK(percent_encode("\xff") == "%FF");
  CHECK(target_of(parse_endpoint("ws://x"), "k&", "t=") == "/?api_key=k%26&access_token=t%3D");
}

TEST_CASE("a mask hides secrets as they are and encoded, and makes text safe") {
  mask hide;
  hide.add("to/ken");
  hide.add("akey");
  hide.add("");
  hide.add("k");  // would hide a letter of every word
  CHECK(hide.safe("akey=to/ken&to%2Fken, back.") == "***=***&***, back.");
  CHECK(hide.safe("a\nb\x01\xc3") == "a b??");
  CHECK(hide.safe("12345to/ken", 8) == "12345***");
  CHECK(hide.safe(std::string(300, 'x'), 10) == "xxxxxxxxxx...");
}

}  // namespace
}  // namespace sluice::kite_source::endpoint_test
