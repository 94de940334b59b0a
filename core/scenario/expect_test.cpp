#include "scenario/expect.hpp"

#include "scenario/report.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

using namespace sluice::scenario;
using std::chrono::seconds;

/// Ten seconds at 1,000/s and a capacity of 1,000/s; at 3 s CRITICAL and half of it lost and late,
/// from 5 s on as before.
outcome run_of_ten_seconds() {
  outcome made;
  made.seen = tally{2};
  made.seen.begin(0);
  for (std::size_t i = 0; i < 100; ++i) {
    const bool hard = i >= 30 && i < 50;
    slot next;
    next.received = 100;
    next.published = hard ? 50 : 100;
    next.good = hard ? 40 : 100;
    if (hard) next.lost[SLUICE_DROP_SAMPLED] = 50;
    next.level = hard ? SLUICE_CRITICAL : SLUICE_HEALTHY;
    made.slots.push_back(next);
    made.capacity.push_back(100);
    const std::int64_t now = static_cast<std::int64_t>(i + 1) * slot_ns;
    const std::uint32_t both[] = {0, 1};
    made.seen.received(both, now);
    const sent_record sent[] = {{now, i + 1, 0}, {now, i + 1, 1}};
    made.seen.published({sent, hard ? 1u : 2u}, now + (hard ? 300'000'000 : 5'000'000));
    made.seen.close_slot();
  }
  return made;
}

/// Whether the only check that `set` asks for passes.
template <typename Set>
bool passes(Set&& set, seconds from = seconds{0}, seconds to = seconds{10}) {
  scenario of;
  expectation one;
  one.from = from;
  one.to = to;
  set(one);
  of.expected = {one};
  const auto verdicts = judge(of, run_of_ten_seconds());
  REQUIRE(verdicts.size() == 2);
  CHECK(verdicts[0].passed);
  return verdicts[1].passed;
}

#define CHECK_BOTH(member, good, bad)                       \
  CHECK(passes([](expectation& of) { of.member = good; })); \
  CHECK_FALSE(passes([](expectation& of) { of.member = bad; }))

TEST_CASE("every check passes where it should and fails where it should") {
  using sluice::level;
  CHECK_BOTH(max_level, level::critical, level::warning);
  CHECK_BOTH(reaches, level::critical, level::overload);
  CHECK_BOTH(healthy_within, seconds{5}, seconds{4});
  CHECK_BOTH(kept_within, seconds{5}, seconds{4});
  CHECK_BOTH(settled_within, seconds{5}, seconds{4});
  CHECK_BOTH(changes, 2, 1);
  CHECK_BOTH(changes_per_minute, 2, 1);
  CHECK_BOTH(goodput, 0.87, 0.89);
  CHECK_BOTH(goodput_of_offered, 0.87, 0.89);
  CHECK_BOTH(keep_min, 0.5, 0.51);
  CHECK_BOTH(keep_max, 0.5, 0.49);
  CHECK_BOTH(dropped, 0.1, 0.09);
  CHECK_BOTH(published, 9000, 9001);
  CHECK_BOTH(age_p99, std::chrono::milliseconds{300}, std::chrono::milliseconds{299});
  CHECK_BOTH(floor, seconds{3}, seconds{1});
  CHECK_BOTH(losses, std::vector<std::string>{"sampled"}, std::vector<std::string>{"shed"});
}

TEST_CASE("a range is all that a check looks at") {
  const auto healthy = [](expectation& of) { of.level = sluice::level::healthy; };
  CHECK(passes(healthy, seconds{5}, seconds{10}));
  CHECK(passes(healthy, seconds{0}, seconds{3}));
  CHECK_FALSE(passes(healthy));
  const auto lossless = [](expectation& of) { of.losses = std::vector<std::string>{}; };
  CHECK(passes(lossless, seconds{5}, seconds{10}));
  CHECK_FALSE(passes(lossless, seconds{4}, seconds{10}));
}

TEST_CASE("what must hold in every run fails the run by itself") {
  outcome seen = run_of_ten_seconds();
  seen.broken = {"the ledger is off by 3 at 2s"};
  const auto verdicts = judge({}, seen);
  REQUIRE(verdicts.size() == 1);
  CHECK_FALSE(verdicts[0].passed);
  CHECK(verdicts[0].got == "the ledger is off by 3 at 2s");
}

TEST_CASE("a run in numbers: goodput, age, level changes") {
  const figures all = figures_of(run_of_ten_seconds());
  CHECK(all.goodput_of_capacity == doctest::Approx(0.88));
  CHECK(all.goodput_of_received == doctest::Approx(0.88));
  CHECK(all.age_p99_ms == 300);
  CHECK(all.level_changes == 2);
  outcome silent;
  silent.slots.resize(1);
  silent.seen.close_slot();
  CHECK_FALSE(figures_of(silent).age_p99_ms);
}

TEST_CASE("a failure is told with its seed and how to repeat it, in every form") {
  scenario of;
  of.file = "a <b>.toml";
  of.name = "a";
  of.doc = "Shows something.";
  report failed;
  failed.of = &of;
  failed.seen = run_of_ten_seconds();
  failed.seen.seed = 42;
  failed.verdicts = {{"goodput at least 0.9", "0.88", false}};
  CHECK(headline(failed).find("FAIL a (seed 42") != std::string::npos);
  failed.finish();
  const std::string& told = failed.told;
  CHECK(told.find("FAIL goodput at least 0.9: 0.88") != std::string::npos);
  CHECK(told.find("sluice test a <b>.toml --seed 42") != std::string::npos);
  CHECK(told.find("CRITICAL") != std::string::npos);
  CHECK(told.find("  kept      █") != std::string::npos);
  CHECK(told.find("▄█████████") != std::string::npos);
  CHECK(told.find("  50%\n") != std::string::npos);
  const std::string xml = to_junit({failed});
  CHECK(xml.find("tests=\"1\" failures=\"1\"") != std::string::npos);
  CHECK(xml.find("FAIL goodput at least 0.9: 0.88") != std::string::npos);
  CHECK(xml.find("classname=\"a &lt;b&gt;.toml\"") != std::string::npos);
  CHECK(told.find("goodput 0.880 of capacity") != std::string::npos);
  const std::string json = to_json({failed});
  CHECK(json.find("\"passed\": false") != std::string::npos);
  CHECK(json.find("\"age_p99_ms\": 3E2") != std::string::npos);
}

}  // namespace
