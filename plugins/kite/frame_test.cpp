#include "random_test.hpp"

#include <kite/frame.hpp>
#include <kite/test_support.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace sluice::kite;

namespace {

struct result {
  frame_summary summary;
  std::vector<std::vector<std::uint8_t>> packets;
};

/// Splits a copy that ends where its allocation ends, so that a sanitizer sees every stray read.
result split_all(bytes_view frame) {
  const std::vector<std::uint8_t> exact{frame.begin(), frame.end()};
  result made;
  made.summary = split(bytes_view{exact}, [&](bytes_view packet, packet_kind kind) {
    CHECK(packet.size() == size_of(kind));
    made.packets.emplace_back(packet.begin(), packet.end());
  });
  CHECK(made.summary.packets == made.packets.size());
  return made;
}

packet ltp(std::uint32_t token) {
  packet made;
  made.token = token;
  return made;
}

}  // namespace

TEST_CASE("the largest legal frame comes back whole") {
  const auto seed = sluice::test_seed();
  INFO("SLUICE_SEED=" << seed);
  std::mt19937_64 random{seed};
  frame_builder builder;
  std::vector<packet> made;
  while (builder.add(made.emplace_back(random_packet(random)))) {
  }
  made.pop_back();
  CHECK(builder.full());
  CHECK(made.size() == 3'000);
  const result got = split_all(builder.frame());
  CHECK(!got.summary.damaged);
  REQUIRE(got.packets.size() == made.size());
  for (std::size_t i = 0; i < made.size(); ++i) REQUIRE(decode(got.packets[i]) == made[i]);

  builder.clear();
  CHECK(builder.empty());
  CHECK(split_all(builder.frame()).summary.packets == 0);
  CHECK(!split_all(builder.frame()).summary.damaged);
}

TEST_CASE("one byte is a heartbeat, none is nothing") {
  CHECK(split_all(heartbeat_frame).summary.heartbeat);
  const auto nothing = split_all({}).summary;
  CHECK(!nothing.heartbeat);
  CHECK(!nothing.damaged);
}

TEST_CASE("unknown lengths are skipped by their prefix and counted") {
  frame_builder builder{8};
  const std::array<std::uint8_t, packet_size_max> junk{};
  REQUIRE(builder.add(ltp(1)));
  for (const std::size_t size : {0, 16, 45, 164})
    REQUIRE(builder.add(bytes_view{junk.data(), size}));
  REQUIRE(builder.add(ltp(2)));
  const result got = split_all(builder.frame());
  CHECK(got.summary.unknown_lengths == 4);
  CHECK(!got.summary.damaged);
  REQUIRE(got.packets.size() == 2);
  CHECK(peek_token(got.packets[1]) == 2);
}

TEST_CASE("counts and lengths are unsigned") {
  constexpr std::uint16_t many = 40'000;
  frame_builder builder{many};
  for (std::uint32_t i = 0; i < many; ++i) REQUIRE(builder.add(ltp(i)));
  CHECK(split_all(builder.frame()).packets.size() == many);

  builder.clear();
  REQUIRE(builder.add(ltp(1)));
  std::vector<std::uint8_t> bytes{builder.frame().begin(), builder.frame().end()};
  bytes[1] = 2;
  bytes.insert(bytes.begin() + 2, {many >> 8, many & 0xff});
  bytes.insert(bytes.begin() + 4, many, 7);
  const result got = split_all(bytes);
  CHECK(got.summary.unknown_lengths == 1);
  CHECK(!got.summary.damaged);
  REQUIRE(got.packets.size() == 1);
  CHECK(peek_token(got.packets[0]) == 1);
}

TEST_CASE("a frame cut anywhere is damaged and keeps the packets before the cut") {
  frame_builder builder{3};
  packet full = ltp(2);
  full.kind = packet_kind::full;
  for (const packet& each : {ltp(1), full, ltp(3)}) REQUIRE(builder.add(each));
  const bytes_view frame = builder.frame();
  for (std::size_t size = 2; size < frame.size(); ++size) {
    const result got = split_all(frame.first(size));
    CHECK(got.summary.damaged);
    CHECK(got.packets.size() == (size < 12 ? 0u : size < 198 ? 1u : 2u));
  }
}

TEST_CASE("a wrong count is damage") {
  frame_builder builder{2};
  REQUIRE(builder.add(ltp(1)));
  std::vector<std::uint8_t> bytes{builder.frame().begin(), builder.frame().end()};
  bytes[1] = 9;
  CHECK(split_all(bytes).summary.damaged);
  CHECK(split_all(bytes).packets.size() == 1);
  bytes[1] = 1;
  bytes.push_back(0);
  CHECK(split_all(bytes).summary.damaged);
  CHECK(split_all(bytes).packets.size() == 1);
  bytes[1] = 0;
  CHECK(split_all(bytes).summary.damaged);
}

TEST_CASE("any bytes at all are taken") {
  const auto seed = sluice::test_seed();
  INFO("SLUICE_SEED=" << seed);
  std::mt19937_64 random{seed};
  frame_builder builder{16};
  for (int i = 0; i < 20'000; ++i) {
    builder.clear();
    for (std::uint64_t n = random() % 16; n != 0; --n) builder.add(random_packet(random));
    std::vector<std::uint8_t> bytes{builder.frame().begin(), builder.frame().end()};
    for (std::uint64_t n = random() % 4; n != 0; --n)
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    bytes.resize(random() % (bytes.size() + 1));
    split_all(bytes);
  }
}

TEST_CASE("a builder takes what a frame can hold, no more") {
  CHECK_THROWS_AS(frame_builder{0}, std::invalid_argument);
  CHECK_THROWS_AS(frame_builder{65'536}, std::invalid_argument);
  frame_builder builder{1};
  const std::array<std::uint8_t, 185> large{};
  CHECK(!builder.add(bytes_view{large}));
  CHECK(builder.add(bytes_view{large.data(), 184}));
  CHECK(!builder.add(bytes_view{large.data(), 8}));
}
