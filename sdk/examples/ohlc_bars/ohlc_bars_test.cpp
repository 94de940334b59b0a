// The stage in the real runtime, on virtual time.
#include "ohlc_bars.hpp"

#include <sluice/testing.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using sluice::testing::harness;

namespace {

/// A payload here is the price in digits, "-" has none, "?" is malformed.
sluice_status read_price(const sluice_record* from, sluice_str name, sluice_scalar* out) {
  *out = {};
  const std::string text{reinterpret_cast<const char*>(from->data), from->size};
  if (text == "?") return SLUICE_FAILED;
  if (sluice::view(name) != "last_price" || text == "-") return SLUICE_OK;
  out->kind = SLUICE_IS_NUMBER;
  out->number = std::atof(text.c_str());
  return SLUICE_OK;
}

constexpr sluice_codec test_codec{
    sizeof(sluice_codec), 1, sluice::borrow("test/1"),
    [](const sluice_record*, char*, std::uint64_t) -> std::uint64_t { return 0; }, &read_price};

/// The stage, with a codec for what the test pushes.
struct bars : stages::ohlc_bars {
  using ohlc_bars::ohlc_bars;
  static constexpr std::array codecs{&stages::bar_codec, &test_codec};
};
constexpr auto& plugin = sluice::plugin_of<bars>;

using bytes = std::vector<std::uint8_t>;

/// It hands over what the test says.
struct other_version : bars {
  using bars::bars;
  static inline bytes state;
  void save(sluice::state_writer& out) {
    for (const std::uint8_t each : state) out.put(each);
  }
};

/// As the next stage reads it.
sluice::record record_of(const sluice::testing::output& from) {
  sluice::record made{};
  made.key = from.key;
  made.data = reinterpret_cast<const std::uint8_t*>(from.text.data());
  made.size = static_cast<std::uint32_t>(from.text.size());
  return made;
}

std::string json(const sluice::testing::output& from) {
  const sluice::record made = record_of(from);
  char text[256];
  return {text, stages::bar_codec.write_json(&made, text, sizeof text)};
}

}  // namespace

// [test]
TEST_CASE("a second's ticks become one bar of each key") {
  harness run{plugin};
  run.push({{.key = 7, .text = "10"}, {.key = 8, .text = "99.5"}, {.key = 7, .text = "12"}});
  run.advance(500ms);
  run.push({{.key = 7, .text = "9"}, {.key = 7, .text = "11"}});
  CHECK(run.outputs().empty());
  run.advance(500ms);
  const auto out = run.outputs();
  REQUIRE(out.size() == 2);
  CHECK(out[0].schema == "bars/1");
  CHECK(json(out[0]) ==
        "\"key\":7,\"time\":0,\"open\":10,\"high\":12,\"low\":9,\"close\":11,\"ticks\":4");
  CHECK(out[0].seq == 4);
  CHECK(json(out[1]) ==
        "\"key\":8,\"time\":0,\"open\":99.5,\"high\":99.5,\"low\":99.5,\"close\":99.5,\"ticks\":1");
  CHECK(run.count().absorbed == 5);
  CHECK(run.count().created == 2);
  CHECK(run.balanced());
}
// [/test]

TEST_CASE("a second without ticks has no bar, and the next one begins anew") {
  harness run{plugin};
  run.push({.key = 7, .text = "10"});
  run.advance(1s);
  CHECK(run.outputs().size() == 1);
  run.advance(3s);
  CHECK(run.outputs().empty());
  run.push({.key = 7, .text = "5"});
  run.advance(1s);
  const auto out = run.outputs();
  REQUIRE(out.size() == 1);
  CHECK(json(out[0]).find("\"open\":5,\"high\":5") != std::string::npos);
}

TEST_CASE("bars keep step with the clock, whatever the stage began") {
  harness run{plugin, "interval = \"60s\""};
  run.advance(20s);
  run.push({.key = 7, .text = "1"});
  run.advance(38s);  // the harness begins one second into a minute
  CHECK(run.outputs().empty());
  run.advance(1s);
  CHECK(run.outputs().size() == 1);
}

TEST_CASE("what has no price passes, and so does what cannot be read") {
  harness run{plugin};
  run.push({{.text = "-"}, {.text = "?"}, {.text = "x", .schema = "other/1"}, {.text = "inf"}});
  const auto out = run.outputs();
  REQUIRE(out.size() == 4);
  CHECK(out[0].text == "-");
  CHECK(out[2].schema == "other/1");
  CHECK(run.balanced());
}

TEST_CASE("drain emits the open bars") {
  harness run{plugin};
  run.push({{.key = 7, .text = "10"}, {.key = 8, .text = "20"}});
  CHECK(run.drain());
  CHECK(run.outputs().size() == 2);
  CHECK(run.balanced());
}

// [swap]
TEST_CASE("an open bar goes on in the stage that takes over") {
  harness run{plugin};
  run.push({{.key = 7, .text = "10"}, {.key = 7, .text = "13"}});
  run.swap(plugin);
  run.push({.key = 7, .text = "9"});
  run.advance(1s);
  const auto out = run.outputs();
  REQUIRE(out.size() == 1);
  CHECK(json(out[0]) ==
        "\"key\":7,\"time\":0,\"open\":10,\"high\":13,\"low\":9,\"close\":9,\"ticks\":3");
  CHECK(run.balanced());
}
// [/swap]

TEST_CASE("a state that makes no sense is refused, and the old stage goes on") {
  harness run{plugin};
  run.push({.key = 7, .text = "10"});
  const bytes sound = run.state();
  const auto refused = [](const bytes& state) {
    other_version::state = state;
    harness old{sluice::plugin_of<other_version>};
    CHECK_THROWS_AS(old.swap(plugin), std::runtime_error);
    old.push({.key = 7, .text = "10"});
    CHECK(old.drain());
    CHECK(old.balanced());
  };
  bytes state = sound;
  state.pop_back();
  refused(state);
  state = sound;
  state.push_back(0);
  refused(state);
  state = sound;
  state[0] = 2;  // one bar more than there is
  refused(state);
  state.insert(state.end(), sound.begin() + 4, sound.end());  // the same key again
  refused(state);
  state = sound;
  state[15] = 0xff;  // its index
  refused(state);
  state = sound;
  const double infinite = std::numeric_limits<double>::infinity();
  std::memcpy(&state[state.size() - 16], &infinite, sizeof infinite);  // its close
  refused(state);

  other_version::state = sound;
  harness old{sluice::plugin_of<other_version>};
  CHECK_NOTHROW(old.swap(plugin));
}

TEST_CASE("the codec reads what the stage wrote, and nothing else") {
  harness run{plugin};
  run.push({.key = 7, .text = "10.5"});
  run.advance(1s);
  const auto out = run.outputs();
  REQUIRE(out.size() == 1);
  sluice::record made = record_of(out[0]);
  const auto read = [&made](std::string_view name) {
    sluice_scalar value{};
    CHECK(stages::bar_codec.read_field(&made, sluice::borrow(name), &value) == SLUICE_OK);
    return std::pair{value.kind, value.number};
  };
  CHECK(read("close") == std::pair{std::uint32_t{SLUICE_IS_NUMBER}, 10.5});
  CHECK(read("ticks") == std::pair{std::uint32_t{SLUICE_IS_INTEGER}, 1.0});
  CHECK(read("symbol") == std::pair{std::uint32_t{SLUICE_ABSENT}, 0.0});

  char text[8] = "?";
  CHECK(stages::bar_codec.write_json(&made, text, sizeof text) > sizeof text);
  CHECK(text[0] == '?');
  --made.size;
  sluice_scalar value{};
  CHECK(stages::bar_codec.write_json(&made, text, sizeof text) == 0);
  CHECK(stages::bar_codec.read_field(&made, sluice::borrow("open"), &value) == SLUICE_FAILED);
}
