// The stage in the real runtime, on virtual time.
#include "my_stage.hpp"

#include <sluice/testing.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace std::chrono_literals;
using sluice::testing::harness;

namespace {

constexpr auto& plugin = sluice::plugin_of<stages::my_stage>;

sluice::record record_of(std::string_view text) {
  sluice::record made{};
  made.data = reinterpret_cast<const std::uint8_t*>(text.data());
  made.size = static_cast<std::uint32_t>(text.size());
  return made;
}

}  // namespace

TEST_CASE("a record every interval, numbered from 1") {
  harness run{plugin, "interval = \"10ms\""};
  CHECK(run.outputs().empty());
  run.advance(1s);
  const auto out = run.outputs();
  REQUIRE(out.size() == 100);
  CHECK(out.front().text == "1");
  CHECK(out.back().text == "100");
  CHECK(out.back().seq == 100);
  CHECK(out.back().schema == "my_stage/1");
  CHECK(run.count().created == 100);
  CHECK(run.balanced());
}

TEST_CASE("after drain nothing comes any more") {
  harness run{plugin};
  run.advance(1s);
  CHECK(run.drain());
  CHECK(run.outputs().size() == 10);
  run.advance(1s);
  CHECK(run.outputs().empty());
  CHECK(run.balanced());
}

TEST_CASE("the codec writes and reads the number, and refuses what is none") {
  char out[32];
  const sluice::record good = record_of("12");
  const std::uint64_t size = stages::count_codec.write_json(&good, out, sizeof out);
  CHECK(std::string(out, size) == "\"count\":12");
  out[0] = '?';
  CHECK(stages::count_codec.write_json(&good, out, 3) == size);  // says what it needs
  CHECK(out[0] == '?');                                          // and writes nothing

  sluice_scalar value{};
  CHECK(stages::count_codec.read_field(&good, sluice::borrow("count"), &value) == SLUICE_OK);
  CHECK(value.kind == SLUICE_IS_INTEGER);
  CHECK(value.integer == 12);
  CHECK(stages::count_codec.read_field(&good, sluice::borrow("price"), &value) == SLUICE_OK);
  CHECK(value.kind == SLUICE_ABSENT);

  for (const char* text : {"", "x", "12x"}) {
    CAPTURE(text);
    const sluice::record bad = record_of(text);
    CHECK(stages::count_codec.write_json(&bad, out, sizeof out) == 0);
    CHECK(stages::count_codec.read_field(&bad, sluice::borrow("count"), &value) == SLUICE_FAILED);
  }
}
