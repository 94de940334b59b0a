#include "reader_buffers.hpp"

#include <doctest/doctest.h>

namespace reader_buffers_test {

using namespace sluice::redis_sink;

TEST_CASE("reader buffers: limits as Redis writes them") {
  const struct {
    const char* config;
    std::uint64_t hard, soft, lowest;
  } table[] = {
      {"normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", 33554432, 8388608,
       8388608},
      {"pubsub 100 0 0 normal 5 5 5", 100, 0, 100},
      {"pubsub 0 7 60", 0, 7, 7},
      {"pubsub 0 0 0", 0, 0, 0},
      {"", 32u << 20, 8u << 20, 8u << 20},
      {"normal 0 0 0", 32u << 20, 8u << 20, 8u << 20},
      {"pubsub", 32u << 20, 8u << 20, 8u << 20},
  };
  for (const auto& row : table) {
    CAPTURE(row.config);
    const reader_limits made = reader_limits_in(row.config);
    CHECK(made.hard == row.hard);
    CHECK(made.soft == row.soft);
    CHECK(made.lowest() == row.lowest);
  }
}

TEST_CASE("reader buffers: the slowest of a list, by its name or else its address") {
  CHECK(slowest_reader_in("").bytes == 0);
  CHECK(slowest_reader_in("id=1 addr=h:1 name= omem=0 cmd=subscribe\n").bytes == 0);
  const slow_reader worst = slowest_reader_in(
      "id=3 addr=127.0.0.1:40 laddr=h:1 fd=8 name= flags=P obl=9 oll=2 omem=41008 tot-mem=1\n"
      "id=4 addr=127.0.0.1:41 laddr=h:1 fd=9 name=dashboard flags=P omem=41009 tot-mem=1\n"
      "id=5 addr=127.0.0.1:42 laddr=h:1 fd=9 name=a=omem flags=P omem=5 tot-mem=1\n");
  CHECK(worst.bytes == 41'009);
  CHECK(worst.name == "dashboard");
  CHECK(slowest_reader_in("id=3 addr=[::1]:40 name= omem=7").name == "[::1]:40");
}

}  // namespace reader_buffers_test
