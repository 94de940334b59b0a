#include "market_simulator.hpp"

#include "../testing/world.hpp"

#include <kite/session.hpp>
#include <sluice/testing.hpp>

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

using namespace sluice::market_simulator;
using sluice::testing::harness;
using std::chrono::milliseconds;
using std::chrono::seconds;
namespace kite = sluice::kite;
using simulator = sluice::market_simulator::market_simulator;

namespace {

constexpr auto& plugin = sluice::plugin_of<sluice::market_simulator::market_simulator>;

struct scratch {
  std::filesystem::path folder;
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-market-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() { std::filesystem::remove_all(folder); }
  std::string file(const char* name) const { return (folder / name).string(); }
};

std::string toml_string(const std::string& text) { return "\"" + text + "\""; }

bool has_event(harness& run, std::string_view kind) {
  for (const auto& event : run.events())
    if (event.kind == kind) return true;
  return false;
}

/// A session of `count` ticks 10 ms apart, with one order update and one record of another schema.
std::string record_session(const scratch& at, std::uint32_t count) {
  const std::string path = at.file("session");
  kite::session_writer writer{path, 0};
  std::array<std::uint8_t, kite::packet_size_max> wire;
  sluice_record made{};
  made.weight = 1;
  made.priority = SLUICE_PRIORITY_NORMAL;
  for (std::uint32_t i = 0; i < count; ++i) {
    kite::packet tick;
    tick.token = 0x101;
    tick.last_price = static_cast<std::int32_t>(i);
    made.key = tick.token;
    made.received_ns = 5'000'000'000 + i * 10'000'000;
    made.data = wire.data();
    made.size = static_cast<std::uint32_t>(kite::encode(tick, wire));
    CHECK(writer.add(made, writer.schema(kite::tick_schema)));
  }
  const std::string order(400, 'o');
  made.priority = SLUICE_PRIORITY_HIGH;
  made.data = reinterpret_cast<const std::uint8_t*>(order.data());
  made.size = 400;
  CHECK(writer.add(made, writer.schema(kite::order_schema)));
  CHECK(writer.add(made, writer.schema("other/1")));
  writer.commit();
  return path;
}

}  // namespace

TEST_CASE("it begins with a cached tick of each instrument, then keeps the rate") {
  harness run{plugin, "count = 50\nrate = 1000\nburst = 1\nmode = \"mixed\""};
  run.advance(milliseconds{1});
  const auto cached = run.outputs();
  REQUIRE(cached.size() >= 50);
  std::set<std::uint64_t> keys;
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK((cached[i].flags & SLUICE_RECORD_SNAPSHOT) != 0);
    keys.insert(cached[i].key);
  }
  CHECK(keys.size() == 50);
  run.advance(seconds{10});
  const auto ticks = run.outputs();
  CHECK(ticks.size() + cached.size() >= 10'030);
  CHECK(ticks.size() + cached.size() <= 10'051);
  for (const auto& tick : ticks) {
    REQUIRE(tick.schema == "kite.tick/1");
    REQUIRE(tick.weight == 1);
    REQUIRE((tick.flags & SLUICE_RECORD_SNAPSHOT) == 0);
    const auto packet =
        kite::decode({reinterpret_cast<const std::uint8_t*>(tick.text.data()), tick.text.size()});
    REQUIRE(packet);
    REQUIRE(packet->token == tick.key);
  }
  CHECK(run.drain());
  run.advance(seconds{1});
  CHECK(run.outputs().empty());
  CHECK(run.balanced());
  CHECK(run.faults() == 0);
}

TEST_CASE("the same seed makes the same ticks however time passes") {
  const auto texts = [](sluice::duration step) {
    harness run{plugin, "count = 20\nrate = 5000\nseed = 9\nmode = \"ltp\"\nlimit = 3000"};
    for (sluice::duration at{}; at < seconds{2}; at += step) run.advance(step);
    CHECK(has_event(run, "limit"));
    std::string all;
    for (const auto& out : run.outputs()) all += out.text;
    return all;
  };
  const std::string one = texts(milliseconds{10});
  CHECK(one.size() == 3'000 * 8);
  CHECK(one == texts(milliseconds{170}));
}

TEST_CASE("the opening burst comes first") {
  harness run{plugin,
              "count = 10\nrate = 1000\nburst = 5\nburst_duration = \"2s\"\n"
              "snapshot = false\nmode = \"ltp\""};
  run.advance(milliseconds{200});
  CHECK(run.outputs().size() > 850);
  run.advance(seconds{5});
  run.outputs();
  run.advance(seconds{1});
  const auto calm = run.outputs().size();
  CHECK(calm >= 980);
  CHECK(calm <= 1'020);
}

TEST_CASE("a late lane catches up in steps, and leaves nothing out") {
  harness run{plugin,
              "count = 10\nrate = 100000\nburst = 1\nsnapshot = false\nmode = \"ltp\"\n"
              "limit = 60000\ninterval = \"10s\""};
  run.advance(seconds{10});
  CHECK(run.run_until([&] { return run.count().created == 60'000; }, milliseconds{100}));
  CHECK(run.balanced());
}

TEST_CASE("instruments come from the broker's file") {
  const scratch at;
  std::ofstream{at.file("i.csv")} << "instrument_token,tradingsymbol\n257,A\nx,B\n513,C\n769,D\n";
  harness run{plugin, "instruments = " + toml_string(at.file("i.csv")) + "\ncount = 2"};
  run.advance(seconds{1});
  std::set<std::uint64_t> keys;
  for (const auto& out : run.outputs()) keys.insert(out.key);
  CHECK(keys == std::set<std::uint64_t>{257, 513});
  const auto logs = run.logs();
  CHECK(std::any_of(logs.begin(), logs.end(), [](const auto& line) {
    return line.kind == "warn" && line.text.find("line 3") != std::string::npos;
  }));
}

TEST_CASE("files that cannot be used are refused by name") {
  const scratch at;
  CHECK_THROWS(harness(plugin, "instruments = " + toml_string(at.file("absent.csv"))));
  std::ofstream{at.file("empty.csv")} << "instrument_token,tradingsymbol\n";
  CHECK_THROWS(harness(plugin, "instruments = " + toml_string(at.file("empty.csv"))));
  CHECK_THROWS(harness(plugin, "replay = " + toml_string(at.file("absent"))));
  CHECK_THROWS(harness(plugin, "replay = " + toml_string(at.file("empty.csv"))));
}

TEST_CASE("a session is replayed in its own time, or N times as fast") {
  const scratch at;
  const std::string path = record_session(at, 300);
  harness run{plugin, "replay = " + toml_string(path)};
  run.advance(milliseconds{995});
  CHECK(run.outputs().size() == 100);
  run.advance(seconds{3});
  const auto rest = run.outputs();
  REQUIRE(rest.size() == 201);
  const auto order = std::find_if(rest.begin(), rest.end(),
                                  [](const auto& out) { return out.schema == "kite.order/1"; });
  REQUIRE(order != rest.end());
  CHECK(order->priority == sluice::priority::high);
  CHECK(order->text.size() == 400);
  CHECK(order->seq == 301);
  CHECK(run.count().dropped[SLUICE_DROP_MALFORMED] == 1);
  CHECK(has_event(run, "replay_end"));
  CHECK(run.balanced());

  harness fast{plugin, "replay = " + toml_string(path) + "\nspeed = 10"};
  fast.advance(milliseconds{295});
  CHECK(fast.outputs().size() == 296);
}

TEST_CASE("a torn session plays up to its last whole record") {
  const scratch at;
  const std::string path = record_session(at, 300);
  std::filesystem::resize_file(path, 16 + 300 * 40);
  harness run{plugin, "replay = " + toml_string(path) + "\nspeed = 1000"};
  run.advance(seconds{1});
  CHECK(run.outputs().size() > 200);
  CHECK(has_event(run, "replay_end"));
  const auto logs = run.logs();
  CHECK(std::any_of(logs.begin(), logs.end(), [](const auto& line) {
    return line.text.find("did not end by itself") != std::string::npos;
  }));
}

TEST_CASE("live: rate and interval from now on, and the opening calms down as it would have") {
  sluice::test::world here;
  simulator::config with;
  with.count = 10;
  with.rate = 1'000;
  with.burst = 1;
  with.interval = milliseconds{10};
  simulator made{with, here.host()};
  made.start();
  const auto ticks = [&](sluice::duration passes) {
    here.advance(made, passes);
    return here.outputs().size();
  };
  CHECK(ticks(seconds{1}) == 1'000);
  with.rate = 200;
  made.reconfigure(with);
  CHECK(ticks(seconds{2}) == 400);
  with.interval = milliseconds{500};
  made.reconfigure(with);
  CHECK(ticks(milliseconds{400}) == 0);
  CHECK(ticks(milliseconds{100}) == 100);
  with.rate = 1'000;
  made.reconfigure(with);
  CHECK(ticks(seconds{1}) == 1'000);
}

TEST_CASE("live: a replay goes on from where it is at another speed") {
  const scratch at;
  sluice::test::world here;
  simulator::config with;
  with.replay = record_session(at, 300);  // one in 10 ms
  with.speed = 1;
  simulator made{with, here.host()};
  made.start();
  const auto ticks = [&](sluice::duration passes) {
    here.advance(made, passes);
    return here.outputs().size();
  };
  CHECK(ticks(milliseconds{995}) == 100);
  with.speed = 10;
  made.reconfigure(with);
  CHECK(ticks(milliseconds{99}) == 99);
  with.speed = 0.1;
  made.reconfigure(with);
  CHECK(ticks(seconds{1}) == 10);
}
