#include "misbehaviour.hpp"

#include <kite/frame.hpp>

#include <doctest/doctest.h>

#include <set>

namespace misbehaviour_test {

using namespace sluice;
using namespace sluice::kite_server;

TEST_CASE("misbehaviour: names and values agree") {
  std::string choices;
  for (const std::string_view name : misbehaviour_names) {
    const auto parsed = parse_misbehaviour(name);
    REQUIRE(parsed);
    CHECK(name_of(*parsed) == name);
    choices += (choices.empty() ? "" : "|") + std::string{name};
  }
  CHECK(choices == misbehaviour_choices);
  CHECK_FALSE(parse_misbehaviour("refuse"));
  CHECK(refusal_of(misbehaviour::refuse_429) == 429);
  CHECK(refusal_of(misbehaviour::cut) == 0);
}

TEST_CASE("misbehaviour: frames are damaged in every way, and the same way for the same seed") {
  kite::frame_builder builder{8};
  kite::packet packet;
  packet.kind = kite::packet_kind::quote;
  for (std::uint32_t i = 0; i < 8; ++i) {
    packet.token = 256 * i + 1;
    builder.add(packet);
  }
  damager one{42}, other{42};
  int whole = 0, damaged = 0, unknown = 0, fewer = 0;
  for (int i = 0; i < 1'000; ++i) {
    const auto frame = one.maybe_damage(builder.frame());
    const auto again = other.maybe_damage(builder.frame());
    REQUIRE(std::vector<std::uint8_t>(frame.begin(), frame.end()) ==
            std::vector<std::uint8_t>(again.begin(), again.end()));
    const auto found = kite::split(frame, [](kite::bytes_view, kite::packet_kind) {});
    if (found.packets == 8 && !found.damaged && found.unknown_lengths == 0) ++whole;
    if (found.damaged) ++damaged;
    if (found.unknown_lengths != 0) ++unknown;
    if (found.packets < 8) ++fewer;
  }
  CHECK(whole > 400);
  CHECK(whole < 600);
  CHECK(damaged > 200);
  CHECK(unknown > 20);
  CHECK(fewer > 100);
}

TEST_CASE("misbehaviour: the smallest frame can be damaged") {
  const std::array<std::uint8_t, 2> empty{0, 0};
  damager any{1};
  for (int i = 0; i < 200; ++i) CHECK(any.maybe_damage(empty).size() >= 2);
}

}  // namespace misbehaviour_test
