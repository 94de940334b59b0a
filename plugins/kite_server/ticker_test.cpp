#include "ticker.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace ticker_test {

using namespace sluice;
using namespace sluice::kite_server;
using namespace std::chrono_literals;

namespace {

constexpr time_point start{std::chrono::seconds{1}};
constexpr std::uint32_t equity = 408065, index_token = 256265;

std::vector<std::uint8_t> wire(std::uint32_t token, kite::mode in, std::int32_t price = 100) {
  kite::packet packet;
  packet.kind = kite::kind_for(token, in);
  packet.token = token;
  packet.last_price = price;
  std::vector<std::uint8_t> made(kite::packet_size_max);
  made.resize(kite::encode(packet, made));
  return made;
}

struct sent {
  std::vector<std::string> texts;
  std::vector<std::vector<std::size_t>> frames;  ///< sizes of each frame's packets
  std::vector<std::int32_t> prices;
  int heartbeats = 0;
};

sent take(client& from) {
  sent all;
  for (; !from.queue().empty(); from.queue().pop()) {
    const outgoing message = from.queue().front();
    if (message.text) {
      all.texts.emplace_back(message.bytes.begin(), message.bytes.end());
      continue;
    }
    std::vector<std::size_t> sizes;
    const auto found = kite::split(message.bytes, [&](kite::bytes_view packet, kite::packet_kind) {
      sizes.push_back(packet.size());
      all.prices.push_back(kite::load_price(packet.data() + 4));
    });
    CHECK_FALSE(found.damaged);
    if (found.heartbeat)
      ++all.heartbeats;
    else
      all.frames.push_back(sizes);
  }
  return all;
}

std::string list(std::uint32_t first, std::uint32_t count) {
  std::string text;
  for (std::uint32_t i = 0; i < count; ++i)
    text += (i == 0 ? "" : ",") + std::to_string((first + i) * 256 + 1);
  return text;
}

}  // namespace

TEST_CASE("ticker: each client gets what it subscribed, in its mode") {
  ticker broker{{}};
  client* quotes = broker.connect("a", start);
  client* mixed = broker.connect("a", start);
  broker.request(*quotes, R"({"a":"subscribe","v":[408065,256265]})", start);
  broker.request(*mixed, R"({"a":"mode","v":["ltp",[408065]]})", start);
  broker.request(*mixed, R"({"a":"mode","v":["full",[256265]]})", start);

  REQUIRE(broker.tick(wire(equity, kite::mode::full), start));
  REQUIRE(broker.tick(wire(index_token, kite::mode::full), start));
  REQUIRE(broker.tick(wire(738561, kite::mode::full), start));
  broker.flush(start);
  CHECK(take(*quotes).frames == std::vector<std::vector<std::size_t>>{{44, 28}});
  CHECK(take(*mixed).frames == std::vector<std::vector<std::size_t>>{{8, 32}});

  broker.request(*quotes, R"({"a":"unsubscribe","v":[408065]})", start);
  REQUIRE(broker.tick(wire(equity, kite::mode::full), start));
  broker.flush(start);
  CHECK(take(*quotes).frames.empty());
  CHECK(take(*mixed).frames.size() == 1);
}

TEST_CASE("ticker: a smaller packet is sent as it is, a wrong length is none") {
  ticker broker{{}};
  client* full = broker.connect("a", start);
  broker.request(*full, R"({"a":"mode","v":["full",[408065]]})", start);
  REQUIRE(broker.tick(wire(equity, kite::mode::ltp), start));
  broker.flush(start);
  CHECK(take(*full).frames == std::vector<std::vector<std::size_t>>{{8}});
  const std::vector<std::uint8_t> odd(45);
  CHECK_FALSE(broker.tick(odd, start));
  CHECK(broker.instruments() == 1);
}

TEST_CASE("ticker: the last packet known comes at subscription and when the mode changes") {
  ticker broker{{}};
  REQUIRE(broker.tick(wire(equity, kite::mode::full, 7), start));
  client* late = broker.connect("a", start);
  broker.request(*late, R"({"a":"subscribe","v":[408065]})", start);
  broker.request(*late, R"({"a":"mode","v":["full",[408065]]})", start);
  broker.request(*late, R"({"a":"mode","v":["full",[408065]]})", start);
  broker.flush(start);
  const sent got = take(*late);
  CHECK(got.frames == std::vector<std::vector<std::size_t>>{{44, 184}});
  CHECK(got.prices == std::vector<std::int32_t>{7, 7});
}

TEST_CASE("ticker: frames gather packets for an interval, and are bounded") {
  ticker_limits limits;
  limits.frame_interval = 50ms;
  limits.client.frame_packets = 3;
  ticker broker{limits};
  client* one = broker.connect("a", start);
  broker.request(*one, R"({"a":"subscribe","v":[408065]})", start);
  for (int i = 0; i < 4; ++i)
    REQUIRE(broker.tick(wire(equity, kite::mode::ltp, i), start + i * 10ms));
  CHECK(broker.next() == start + 50ms);
  broker.on_time(start + 49ms);
  CHECK(take(*one).prices == std::vector<std::int32_t>{0, 1, 2});
  broker.on_time(start + 50ms);
  const sent rest = take(*one);
  CHECK(rest.prices == std::vector<std::int32_t>{3});
  CHECK(broker.counts().frames == 2);
  CHECK(broker.counts().packets == 4);
}

TEST_CASE("ticker: a heartbeat for each second without anything else") {
  ticker broker{{}};
  client* one = broker.connect("a", start);
  CHECK(broker.next() == start + 1s);
  broker.on_time(start + 999ms);
  CHECK(take(*one).heartbeats == 0);
  broker.on_time(start + 1s);
  broker.on_time(start + 1s);
  CHECK(take(*one).heartbeats == 1);
  CHECK(broker.next() == start + 2s);
  broker.broadcast("{}", start + 1500ms);
  CHECK(take(*one).texts == std::vector<std::string>{"{}"});
  CHECK(broker.next() == start + 2500ms);
}

TEST_CASE("ticker: 3 sockets of an api_key, and a place freed is a place") {
  ticker broker{{}};
  client* first = broker.connect("a", start);
  CHECK(broker.connect("a", start) != nullptr);
  CHECK(broker.connect("a", start) != nullptr);
  CHECK(broker.connect("a", start) == nullptr);
  CHECK(broker.connect("b", start) != nullptr);
  broker.request(*first, R"({"a":"subscribe","v":[408065]})", start);
  broker.disconnect(*first);
  CHECK(broker.connect("a", start) != nullptr);
  CHECK(broker.tick(wire(equity, kite::mode::full), start));
  CHECK(broker.counts().requests == 1);
}

TEST_CASE("ticker: 3,000 instruments of a socket; more is an error text and nothing else") {
  ticker broker{{}};
  client* one = broker.connect("a", start);
  broker.request(*one, R"({"a":"subscribe","v":[)" + list(1, 3'000) + "]}", start);
  CHECK(one->modes().size() == 3'000);
  broker.request(*one, R"({"a":"subscribe","v":[)" + list(5'000, 1) + "]}", start);
  CHECK(one->modes().size() == 3'000);
  CHECK(take(*one).texts ==
        std::vector<std::string>{
            R"({"type":"error","data":"Can't subscribe to more than 3000 instruments."})"});
  broker.request(*one, R"({"a":"mode","v":["full",[)" + list(1, 3'000) + "]]}", start);
  CHECK(take(*one).texts.empty());

  client* other = broker.connect("a", start);
  std::string duplicates = "257";
  for (int i = 0; i < 3'000; ++i) duplicates += ",257";
  broker.request(*other, R"({"a":"subscribe","v":[)" + duplicates + "]}", start);
  CHECK(other->modes().empty());
  CHECK(take(*other).texts.size() == 1);
}

TEST_CASE("ticker: what is no request is counted and answered with nothing") {
  ticker broker{{}};
  client* one = broker.connect("a", start);
  for (const char* text : {"", "{", "[]", R"({"a":"x","v":[1]})", R"({"a":"mode","v":["full"]})"})
    broker.request(*one, text, start);
  CHECK(one->counts().bad_requests == 5);
  CHECK(one->queue().empty());
  broker.request(*one, R"({"a":"subscribe","v":["408065"]})", start);
  CHECK(one->modes().empty());
}

TEST_CASE("ticker: a slow client skips frames, counted, and is seen to stall") {
  ticker_limits limits;
  limits.client.queue_bytes = 1'000;
  limits.client.frame_packets = 5;
  ticker broker{limits};
  client* slow = broker.connect("a", start);
  broker.request(*slow, R"({"a":"mode","v":["full",[408065]]})", start);
  for (int i = 0; i < 15; ++i) broker.tick(wire(equity, kite::mode::full, i), start + i * 1ms);
  CHECK(slow->counts().frames == 1);
  CHECK(slow->counts().skipped_frames == 2);
  CHECK(slow->counts().skipped_packets == 10);
  CHECK(slow->stalled_since() == start + 9ms);
  take(*slow);
  broker.tick(wire(equity, kite::mode::full), start + 20ms);
  broker.flush(start + 20ms);
  CHECK(slow->stalled_since() == never);
}

TEST_CASE("ticker: silence sends nothing but what was begun, and the newest is known after it") {
  ticker broker{{}};
  client* one = broker.connect("a", start);
  broker.request(*one, R"({"a":"subscribe","v":[408065]})", start);
  broker.tick(wire(equity, kite::mode::full, 1), start);
  broker.flush(start);
  broker.broadcast("{}", start);
  one->sending(true);
  broker.misbehave(misbehaviour::silence);
  CHECK(one->queue().messages() == 1);
  one->sending(false);
  take(*one);

  broker.tick(wire(equity, kite::mode::full, 2), start);
  broker.request(*one, R"({"a":"mode","v":["full",[408065]]})", start);
  broker.broadcast("{}", start);
  CHECK(broker.next() == never);
  broker.on_time(start + 10s);
  CHECK(one->queue().empty());

  broker.misbehave(misbehaviour::none);
  broker.request(*one, R"({"a":"mode","v":["ltp",[408065]]})", start + 10s);
  broker.flush(start + 10s);
  CHECK(take(*one).prices == std::vector<std::int32_t>{2});
}

}  // namespace ticker_test
