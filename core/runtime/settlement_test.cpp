// Whether what a source pushed has ended: queued, held, unacknowledged, lost.
#include "runtime/test_rig.hpp"

#include <sluice/ext/settlement.h>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace settlement_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

namespace {

struct losses {
  std::uint64_t lost = 0, refused = 0;
  bool operator==(const losses&) const = default;
};

std::optional<losses> settled(rig& on) {
  const call_scope here = on.in_call("source");
  const host by = *on["source"].host;
  const auto* asked = by.extension<sluice_settlement>(SLUICE_EXT_SETTLEMENT);
  REQUIRE(asked != nullptr);
  sluice_settled seen{};
  seen.size = sizeof seen;
  const sluice_status status = asked->read(by.raw(), &seen);
  if (status == SLUICE_AGAIN) return std::nullopt;
  REQUIRE(status == SLUICE_OK);
  return losses{seen.lost, seen.refused};
}

}  // namespace

TEST_CASE("what a source pushed is settled when the sink has the last answer, not before") {
  rig on;
  on.add("source", source);
  on.add("between", plain, {"source"}).queue = config::queue_spec{};
  on.add("sink", sink, {"between"});
  std::uint32_t taking = 0;
  on["sink"].ready = [&](std::uint32_t, duration) { return taking; };
  std::uint64_t call = 0;
  on["sink"].process = [&](batch& records) {
    call = records.call();
    for (const record& each : records) records.pending(each);
  };
  const auto report = [&](std::uint32_t result, std::uint32_t count) {
    on["sink"].timer = [&on, &call, result, count](time_point) {
      on["sink"].host->report({0, result, 0, count, call, 0, on.run->now(), on.run->now(), 1});
    };
    on.wake("sink");
    on.run->settle();
  };
  on.build();
  CHECK(settled(on) == losses{});
  on.give_many(5);
  CHECK_FALSE(settled(on));  // queued
  taking = 5;
  on.run->advance(200 * ms);
  CHECK_FALSE(settled(on));  // unacknowledged
  report(SLUICE_PUBLISHED, 4);
  CHECK_FALSE(settled(on));
  report(SLUICE_PUBLISHED, 1);
  CHECK(settled(on) == losses{});

  on.give_many(3);
  on.run->advance(200 * ms);
  report(SLUICE_PUBLISH_FAILED, 1);
  report(SLUICE_PUBLISH_UNKNOWN, 2);
  CHECK(settled(on) == losses{3, 0});
  on.check_balance();
}

TEST_CASE("what a stage holds is not settled; what it leaves out by policy is") {
  rig on;
  on.add("source", source);
  on.add("middle", transform, {"source"});
  on.add("sink", sink, {"middle"});
  std::vector<held_record> handles;
  on["middle"].process = [&](batch& records) {
    for (const record& each : records)
      if (each.seq == 1)
        handles.push_back(records.hold(each));
      else if (each.seq == 2)
        records.drop(each, reason::sampled);
      else if (each.seq == 3)
        records.drop(each, reason::malformed);
  };
  on.build();
  on.give_many(3);
  CHECK_FALSE(settled(on));
  on["middle"].timer = [&](time_point) { on["middle"].host->release(handles.at(0)); };
  on.wake("middle");
  on.run->settle();
  CHECK(settled(on) == losses{0, 1});
  CHECK(on["sink"].got.size() == 1);
  on.check_balance();
}

TEST_CASE("what a queue on the way drops is lost, not forgotten") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"}).queue =
      config::queue_spec{10, 1 << 20, config::when_full::drop_oldest, 0};
  std::uint32_t taking = 0;
  on["sink"].ready = [&](std::uint32_t, duration) { return taking; };
  on.build();
  on.give_many(30);
  taking = 256;
  on.run->advance(200 * ms);
  CHECK(settled(on) == losses{21, 0});  // nine: a tenth is priority 0's
  CHECK(on["sink"].got.size() == 9);
}

TEST_CASE("every way is followed, and to where ways meet again") {
  rig on;
  on.add("source", source);
  on.add("left", plain, {"source"}).queue = config::queue_spec{};
  on.add("right", plain, {"source"}).queue = config::queue_spec{};
  on.add("sink", sink, {"left", "right"});
  std::uint32_t taking = 0;
  on["sink"].ready = [&](std::uint32_t, duration) { return taking; };
  on.build();
  on.give_many(10);
  CHECK_FALSE(settled(on));
  taking = 256;
  on.run->advance(200 * ms);
  CHECK(settled(on) == losses{});
  CHECK(on["sink"].got.size() == 20);
  on.check_balance();
}

TEST_CASE("only a source may ask") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on.build();
  const host by = *on["sink"].host;
  CHECK(by.extension<sluice_settlement>(SLUICE_EXT_SETTLEMENT) == nullptr);
}

}  // namespace settlement_test
