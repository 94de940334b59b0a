// Addresses as they are written, and ports that somebody else has.
#include "tcp_listener/listen.hpp"

#include <doctest/doctest.h>
#include <boost/asio/io_context.hpp>

#include <string>

using namespace sluice::tcp_listener;
using boost::asio::ip::tcp;

TEST_CASE("listen: a numeric address and a port, as they are named again") {
  for (const char* text : {"127.0.0.1:8080", "[::1]:0", "0.0.0.0:65535"})
    CHECK(name_of(parse_endpoint(text, "8080")) == text);
  for (const char* wrong : {"", "8080", ":8080", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:80x",
                            "localhost:80", "::1:80", "[127.0.0.1]:80", "127.0.0.1:-1", "[]:80"})
    CHECK_THROWS_WITH(parse_endpoint(wrong, "8080"),
                      ("listen: \"" + std::string{wrong} +
                       "\" is not a numeric address and port like 127.0.0.1:8080 or [::1]:8080")
                          .c_str());
}

TEST_CASE("listen: a port that is taken is told with what can be done") {
  for (const char* text : {"127.0.0.1:0", "[::1]:0"}) {
    boost::asio::io_context io;
    tcp::acceptor first{io}, second{io};
    open(first, parse_endpoint(text, "1"), "");
    const auto taken = first.local_endpoint();
    CHECK_THROWS_WITH(
        open(second, taken, "take another"),
        ("listen: cannot listen on " + name_of(taken) + ": Address already in use; take another")
            .c_str());
  }
  boost::asio::io_context io;
  tcp::acceptor elsewhere{io};
  CHECK_THROWS_WITH(open(elsewhere, parse_endpoint("192.0.2.1:0", "1"), "take another"),
                    "listen: cannot listen on 192.0.2.1:0: Cannot assign requested address");
}
