#include "slot_search.hpp"

#include <doctest/doctest.h>

#include <string>

namespace slot_search_test {

using namespace sluice::redis_stream_source;
using sluice::redis::place;

namespace {

const std::string nodes =
    "aaaa 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-99 [100->-bbbb]\n"
    "bbbb 127.0.0.1:7002@17002 master - 0 1 2 connected 100-200\n"
    "cccc 127.0.0.1:7003@17003 slave bbbb 0 1 2 connected\n";

std::string owner_of(std::uint16_t slot) {
  slot_search search{{{"seed", 7001}}, slot};
  const auto found = search.owner(nodes, {"seed", 7001});
  return found ? text_of(*found) : "nobody";
}

}  // namespace

TEST_CASE(
    "slot search: who serves a slot, and the one who tells by the address it was reached at") {
  CHECK(owner_of(99) == "seed:7001");
  CHECK(owner_of(100) == "127.0.0.1:7002");
  CHECK(owner_of(200) == "127.0.0.1:7002");
  CHECK(owner_of(201) == "nobody");
}

TEST_CASE("slot search: seeds in turn, then every node that was named too") {
  slot_search search{{{"a", 1}, {"b", 2}}, 0};
  for (const std::string each : {"a:1", "b:2", "a:1"}) CHECK(text_of(search.next()) == each);
  CHECK_FALSE(search.owner("no such answer", {"b", 2}));
  CHECK(search.owner(nodes, {"b", 2}) == place{"b", 2});
  std::string asked;
  for (int i = 0; i < 5; ++i) asked += text_of(search.next()) + ' ';
  for (const std::string each : {"a:1", "b:2", ":7001", ":7002", ":7003"})
    CHECK(asked.find(each) != std::string::npos);
}

}  // namespace slot_search_test
