#include "publish_buffer.hpp"

#include "message.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

namespace publish_buffer_test {

using namespace sluice::redis_sink;

namespace {

encoded append(publish_buffer& buffer, const std::string& message, std::uint64_t expected = 100) {
  return buffer.append("<$", expected, [&](char* out, std::uint64_t capacity) -> std::uint64_t {
    if (message.size() <= capacity) std::memcpy(out, message.data(), message.size());
    return message.size();
  });
}

std::string text(const publish_buffer& buffer) {
  return {buffer.bytes().data(), buffer.bytes().size()};
}

}  // namespace

TEST_CASE("publish buffer: lengths of every number of digits, in any order") {
  publish_buffer buffer{1'000'000};
  std::string all;
  for (const std::size_t size : {1u, 9u, 10u, 5u, 99u, 100u, 12'345u, 999u, 1u, 1'000'000u, 3u}) {
    const std::string message(size, static_cast<char>('a' + size % 26));
    REQUIRE(append(buffer, message) == encoded::ok);
    all += "<$" + std::to_string(size) + "\r\n" + message + "\r\n";
  }
  CHECK(text(buffer) == all);
  buffer.clear();
  CHECK(buffer.bytes().empty());
}

TEST_CASE("publish buffer: the limit is exact, and what is refused leaves no trace") {
  publish_buffer buffer{200};
  for (const std::uint64_t expected : {0u, 100u, 4'000u}) {
    buffer.clear();
    CHECK(append(buffer, "x", expected) == encoded::ok);
    CHECK(append(buffer, std::string(201, 'x'), expected) == encoded::oversize);
    CHECK(append(buffer, std::string(100'000, 'x'), expected) == encoded::oversize);
    CHECK(append(buffer, "", expected) == encoded::malformed);
    CHECK(append(buffer, std::string(200, 'y'), expected) == encoded::ok);
    CHECK(text(buffer) == "<$1\r\nx\r\n<$200\r\n" + std::string(200, 'y') + "\r\n");
  }
}

TEST_CASE("publish buffer: a renderer that never has enough is malformed") {
  publish_buffer buffer{100'000};
  CHECK(buffer.append("<$", 10, [](char*, std::uint64_t capacity) { return capacity + 1; }) ==
        encoded::malformed);
  CHECK(buffer.bytes().empty());
}

namespace {

/// Members are the payload as it is; a payload that begins with '!' is malformed.
const sluice_codec echo{sizeof(sluice_codec), 16, sluice::borrow("test/1"),
                        [](const sluice_record* of, char* out, std::uint64_t capacity) {
                          if (of->size <= capacity) std::memcpy(out, of->data, of->size);
                          return of->data[0] == '!' ? std::uint64_t{0} : std::uint64_t{of->size};
                        },
                        nullptr};

std::string json(std::string_view payload, std::uint64_t seq, float weight,
                 std::uint64_t capacity = 1'000) {
  sluice::record of{};
  of.data = reinterpret_cast<const std::uint8_t*>(payload.data());
  of.size = static_cast<std::uint32_t>(payload.size());
  of.seq = seq;
  of.weight = weight;
  std::string out(capacity, '?');
  const std::uint64_t size = write_json_message(of, echo, out.data(), capacity);
  if (size > capacity) return "needs " + std::to_string(size);
  out.resize(size);
  return out;
}

}  // namespace

TEST_CASE("json message: members, seq, and weight when it says something") {
  CHECK(json("\"a\":1", 7, 1) == "{\"a\":1,\"seq\":7}");
  CHECK(json("\"a\":1", 7, 2.5f) == "{\"a\":1,\"seq\":7,\"w\":2.5}");
  CHECK(json("\"a\":1", std::numeric_limits<std::uint64_t>::max(), 1.25f) ==
        "{\"a\":1,\"seq\":18446744073709551615,\"w\":1.25}");
  CHECK(json("!", 7, 1) == "");
  CHECK(json("\"a\":1", 7, std::numeric_limits<float>::infinity()) == "");
  CHECK(json("\"a\":1", 7, 1, 20) == "needs 55");
  CHECK(json("\"a\":1", 7, 1, 0) == "needs 55");
}

TEST_CASE("json message: never beyond its capacity, whatever the weight") {
  for (const float weight : {3.4028235e38f, 1.1754944e-38f, 1.00000012f, 16777217.f, 0.1f}) {
    const std::string got = json("\"a\":1", std::numeric_limits<std::uint64_t>::max(), weight, 55);
    CAPTURE(got);
    CHECK(got.size() <= 55);
    CHECK(got.back() == '}');
  }
}

TEST_CASE("json message: the limit is exact through the buffer") {
  for (std::size_t limit = 64; limit < 200; ++limit) {
    publish_buffer buffer{limit};
    const std::string members(limit - 10, 'm');  // with {,"seq":7} exactly the limit
    sluice::record of{};
    of.data = reinterpret_cast<const std::uint8_t*>(members.data());
    of.seq = 7;
    of.weight = 1;
    const auto render = [&](char* out, std::uint64_t capacity) {
      return write_json_message(of, echo, out, capacity);
    };
    of.size = static_cast<std::uint32_t>(members.size());
    CHECK(buffer.append("$", echo.json_max, render) == encoded::ok);
    of.seq = 77;
    CHECK(buffer.append("$", echo.json_max, render) == encoded::oversize);
  }
}

}  // namespace publish_buffer_test
