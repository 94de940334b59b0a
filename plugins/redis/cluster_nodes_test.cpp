#include "cluster_nodes.hpp"

#include "slot.hpp"

#include <doctest/doctest.h>

#include <string>

namespace cluster_nodes_test {

using namespace sluice::redis;

TEST_CASE("slot: as the cluster's specification has it") {
  CHECK(slot_of("123456789") == 0x31c3);
  CHECK(slot_of("foo") == 12182);
  CHECK(slot_of("") == 0);
  CHECK(slot_of("{user1000}.following") == slot_of("user1000"));
  CHECK(slot_of("foo{}{bar}") != slot_of("bar"));  // an empty tag is none
  CHECK(slot_of("foo{{bar}}zap") == slot_of("{bar"));
  CHECK(slot_of("foo{bar}{zap}") == slot_of("bar"));
  CHECK(slot_of("a{b") != slot_of("b"));
}

TEST_CASE("cluster nodes: masters with their slots, replicas, and who has no address") {
  const auto got = parse_cluster_nodes(
      "07c3 127.0.0.1:30004@31004,host4 slave e7d1 0 1426238317239 4 connected\n"
      "67ed 127.0.0.1:30002@31002 master,fail? - 0 1 2 connected 5461-10922 7\n"
      "e7d1 :30001@31001 myself,master - 0 0 1 connected 0-5460 [93->-67ed] [77-<-e7d1]\n"
      "6ec2 ::1:30005@31005 master - 0 1 5 disconnected\n"
      "aaaa :0@0 master,noaddr - 0 1 5 disconnected 9\n",
      {"10.0.0.9", 1});
  REQUIRE(got);
  const auto& nodes = *got;
  REQUIRE(nodes.size() == 4);
  CHECK(text_of(nodes[0].at) == "127.0.0.1:30004");
  CHECK_FALSE(nodes[0].master);
  CHECK_FALSE(nodes[0].self);
  CHECK(nodes[1].master);
  REQUIRE(nodes[1].slots.size() == 2);
  CHECK(nodes[1].slots[0].first == 5461);
  CHECK(nodes[1].slots[0].last == 10922);
  CHECK(nodes[1].slots[1].first == 7);
  CHECK(nodes[1].slots[1].last == 7);
  CHECK(text_of(nodes[2].at) == "10.0.0.9:30001");
  CHECK(nodes[2].self);
  CHECK(nodes[2].slots.size() == 1);
  CHECK(text_of(nodes[3].at) == "[::1]:30005");
  CHECK(nodes[3].slots.empty());
}

TEST_CASE("cluster nodes: what is not such an answer is none") {
  const char* const table[] = {"",
                               "\n",
                               "hello",
                               "id host flags",
                               "id h:x@1 master - 0 0 1 connected",
                               "id h:0@1 master - 0 0 1 connected",
                               "id h:1@1 master - 0 0 1 connected 16384",
                               "id h:1@1 master - 0 0 1 connected 5-4",
                               "id h:1@1 master - 0 0 1 connected a-b"};
  for (const std::string text : table) {
    CAPTURE(text);
    CHECK_FALSE(parse_cluster_nodes(text, {"h", 1}));
  }
}

TEST_CASE("cluster nodes: redirections") {
  const place here{"h", 1};
  CHECK(text_of(redirection("MOVED 3999 127.0.0.1:6381", here).value()) == "127.0.0.1:6381");
  CHECK(text_of(redirection("ASK 3999 ::1:6381", here).value()) == "[::1]:6381");
  CHECK(text_of(redirection("MOVED 3999 :6381", here).value()) == "h:6381");
  for (const char* text : {"", "MOVED", "MOVED 1", "MOVED x h:1", "ERR 1 h:1", "ASK 1 h:0"})
    CHECK_FALSE(redirection(text, here));
}

}  // namespace cluster_nodes_test
