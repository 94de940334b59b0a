#include "scenario/models.hpp"
#include "fakes_test.hpp"
#include "scenario/frames.hpp"
#include "scenario/run.hpp"
#include "scenario/server.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

namespace {

using namespace sluice::scenario;
using sluice::duration;
constexpr std::int64_t ms_ns = 1'000'000, s_ns = 1000 * ms_ns, day_ns = 86'400 * s_ns;

std::uint64_t ticks_of(const feed_spec& feed, const std::vector<fault_spec>& faults,
                       std::int64_t lasts_ns) {
  std::uint64_t sum = 0;
  for (frame_plan plan{feed, faults, duration{lasts_ns}, 1}; plan.next().at_ns != SLUICE_NEVER;
       plan.take())
    sum += plan.next().ticks;
  return sum;
}

feed_spec feed_of(double rate) {
  feed_spec feed;
  feed.stage = "source";
  feed.frame = 10;
  feed.link = 1e6;
  feed.load = {{duration{}, rate, false}};
  feed.noise_every = std::chrono::seconds{1};
  return feed;
}

fault_spec fault_of(fault_kind kind, const char* stage, std::int64_t at_ns, std::int64_t for_ns) {
  fault_spec made;
  made.kind = kind;
  made.stage = stage;
  made.at = duration{at_ns};
  made.lasts = duration{for_ns};
  return made;
}

TEST_CASE("frames bring the load that was asked for, even or not, noisy or not") {
  feed_spec feed = feed_of(1000);
  CHECK(ticks_of(feed, {}, 100 * s_ns) == doctest::Approx(100'000).epsilon(0.05));
  feed.even = true;
  CHECK(ticks_of(feed, {}, 100 * s_ns) == doctest::Approx(100'000).epsilon(0.001));
  feed.noise = 0.3;
  CHECK(ticks_of(feed, {}, 100 * s_ns) == doctest::Approx(100'000).epsilon(0.06));
  CHECK(ticks_of(feed, {fault_of(fault_kind::silence, "source", 0, 50 * s_ns)}, 100 * s_ns) ==
        doctest::Approx(50'000).epsilon(0.08));
  CHECK(ticks_of(feed, {fault_of(fault_kind::silence, "another", 0, 50 * s_ns)}, 100 * s_ns) >
        80'000);
}

TEST_CASE("frames due at once follow each other at the link's pace; silence swallows them") {
  feed_spec feed = feed_of(0);
  burst one;
  one.at = std::chrono::seconds{1};
  one.lasts = std::chrono::seconds{1};
  one.every = std::chrono::milliseconds{250};
  one.sockets = 3;
  one.ticks = 3000;
  feed.bursts = {one};
  frame_plan plan{feed, {}, std::chrono::seconds{10}, 1};
  std::vector<std::int64_t> came;
  for (; plan.next().at_ns != SLUICE_NEVER; plan.take()) came.push_back(plan.next().at_ns / ms_ns);
  CHECK(came == std::vector<std::int64_t>{1000, 1003, 1006, 1250, 1253, 1256, 1500, 1503, 1506,
                                          1750, 1753, 1756});
  CHECK(ticks_of(feed, {fault_of(fault_kind::silence, "source", s_ns, 400 * ms_ns)}, 10 * s_ns) ==
        6 * 3000);
}

TEST_CASE("busy instruments follow Zipf's law, and a shift makes others busy") {
  instrument_draw draw{100, 1, 7};
  const auto busiest = [&] {
    std::vector<int> count(100);
    for (int i = 0; i < 20'000; ++i) ++count[draw.drawn()];
    const auto most = std::max_element(count.begin(), count.end());
    CHECK(*most == doctest::Approx(20'000 / 5.187).epsilon(0.1));  // 1 / H(100)
    return most - count.begin();
  };
  std::set<std::int64_t> seen;
  for (int i = 0; i < 5; ++i) {
    seen.insert(busiest());
    draw.shift();
  }
  CHECK(seen.size() > 2);
  std::set<std::uint32_t> turns;
  for (int i = 0; i < 100; ++i) turns.insert(draw.in_turn());
  CHECK(turns.size() == 100);
}

sink_spec sink_of(double capacity) {
  sink_spec sink;
  sink.stage = "sink";
  sink.capacity = capacity;
  sink.latency = duration{ms_ns};
  return sink;
}

TEST_CASE("a server works at its capacity, in order, and is stopped or slowed by faults") {
  server plain{sink_of(1000), {}, 1, 1};
  CHECK(plain.call(0, 100).at_ns == 101 * ms_ns);
  CHECK(plain.call(0, 100).at_ns == 201 * ms_ns);
  CHECK(plain.call(s_ns, 100).at_ns == s_ns + 101 * ms_ns);

  fault_spec slow = fault_of(fault_kind::slow, "sink", 0, s_ns);
  slow.factor = 2;
  const fault_spec stop = fault_of(fault_kind::stop, "sink", s_ns, 5 * s_ns);
  server faulty{sink_of(1000), {slow, stop}, 1, 1};
  CHECK(faulty.call(0, 100).at_ns == 201 * ms_ns);
  CHECK(faulty.call(900 * ms_ns, 100).at_ns == 6 * s_ns + 51 * ms_ns);
  CHECK(faulty.greet(2 * s_ns) == 6 * s_ns + 2 * ms_ns);

  server ended{sink_of(1000), {fault_of(fault_kind::stop, "sink", 0, day_ns)}, 0.5, 1};
  CHECK(ended.call(0, 1).at_ns > day_ns);
}

TEST_CASE("errors answer a share of the calls, jitter makes answers late, never early") {
  fault_spec errors = fault_of(fault_kind::errors, "sink", 0, s_ns);
  errors.share = 0.25;
  fault_spec jitter = fault_of(fault_kind::jitter, "sink", 0, s_ns);
  jitter.amount = duration{50 * ms_ns};
  server made{sink_of(1e9), {errors, jitter}, 1, 1};
  int busy = 0;
  std::int64_t before = 0;
  for (int i = 0; i < 1000; ++i) {
    const server::reply one = made.call(i * 1000, 1);
    busy += one.busy ? 1 : 0;
    CHECK(one.at_ns >= std::max<std::int64_t>(before, i * 1000 + ms_ns));
    CHECK(one.at_ns < 52 * ms_ns);
    before = one.at_ns;
  }
  CHECK(busy == doctest::Approx(250).epsilon(0.2));
  CHECK_FALSE(made.call(2 * s_ns, 1).busy);
}

// --- in a pipeline ------------------------------------------------------------------------------

const std::string head = R"(doc = "A test."
duration = "10s"
)";
std::string feed_text(int rate) {
  return "[[feed]]\nload = [{ rate = " + std::to_string(rate) +
         " }]\ngroup = [{ instruments = 50 }]\n";
}

TEST_CASE("a sink publishes what it can take, and the ledger holds") {
  const outcome seen = run(fakes::made(head + feed_text(2000) + "[[sink]]\ncapacity = 5000\n"), 1);
  CHECK(seen.broken == std::vector<std::string>{});
  CHECK(seen.end.total.published == seen.end.total.created);
  CHECK(seen.seen.missing() == 0);
  CHECK(seen.end.total.created == doctest::Approx(20'000).epsilon(0.1));

  const outcome over = run(fakes::made(head + feed_text(8000) + "[[sink]]\ncapacity = 5000\n"), 1);
  CHECK(over.broken == std::vector<std::string>{});
  CHECK(over.slots[80].published == doctest::Approx(500).epsilon(0.21));
  CHECK(over.end.total.dropped[SLUICE_DROP_OVERFLOW] > 15'000);
  CHECK(over.seen.missing() == over.end.total.dropped[SLUICE_DROP_OVERFLOW]);
}

TEST_CASE("a stop makes what is in flight unknown, once, and the sink comes back") {
  const std::string text = head + feed_text(2000) +
                           "[[sink]]\ncapacity = 5000\n"
                           "[[fault]]\nkind = \"stop\"\nat = \"3s\"\nfor = \"2500ms\"\n";
  const outcome seen = run(fakes::made(text), 1);
  CHECK(seen.broken == std::vector<std::string>{});
  CHECK(seen.end.total.unknown > 0);
  CHECK(seen.end.total.unknown <= 400);
  CHECK(seen.end.total.published + seen.end.total.unknown == seen.end.total.created);
  CHECK(seen.slots[45].published == 0);
  CHECK(seen.slots[60].published > 0);
  CHECK(seen.end.total.unknown == seen.slots[39].lost[SLUICE_DROP_REASONS + 1] +
                                      seen.slots[40].lost[SLUICE_DROP_REASONS + 1]);
}

TEST_CASE("a cut connection is made again, errors are failures") {
  const std::string text = head + feed_text(2000) +
                           "[[sink]]\ncapacity = 5000\n"
                           "[[fault]]\nkind = \"cut\"\nat = \"3s\"\nfor = \"1s\"\n"
                           "[[fault]]\nkind = \"errors\"\nat = \"7s\"\nfor = \"1s\"\n";
  const outcome seen = run(fakes::made(text), 1);
  CHECK(seen.broken == std::vector<std::string>{});
  CHECK(seen.slots[35].published == 0);
  CHECK(seen.slots[55].published > 0);
  CHECK(seen.end.total.failed == doctest::Approx(2000).epsilon(0.3));
}

TEST_CASE("stages between the models are the real ones; services are left out") {
  const outcome seen = run(fakes::made(head + feed_text(2000) + "[[sink]]\ncapacity = 5000\n",
                                       "[[stage]]\nplugin = \"source\"\n[[stage]]\n"
                                       "plugin = \"halver\"\n[[stage]]\nplugin = \"sink\"\n"
                                       "[[service]]\nplugin = \"service\"\n"),
                           1);
  CHECK(seen.broken == std::vector<std::string>{});
  CHECK(seen.end.total.dropped[SLUICE_DROP_SAMPLED] == seen.end.total.created / 2);
  CHECK(seen.seen.missing() == seen.end.total.created / 2);
}

TEST_CASE("a model heeds the settings of the stage it stands for") {
  const scenario made = fakes::made(head + feed_text(1) + "[[sink]]\ncapacity = 5000\n",
                                    std::string{fakes::stages} + "batch = 7\ntimeout = \"2s\"\n");
  const pace heeded = pace_of(made.pipeline.stages[1]);
  CHECK(heeded.batch == 7);
  CHECK(heeded.timeout == 2 * s_ns);
  CHECK(heeded.window == 4);
  CHECK(heeded.backoff_max == 500 * ms_ns);
}

TEST_CASE("the same seed is the same run, another is not") {
  const scenario made = fakes::made(head + feed_text(6000) + "[[sink]]\ncapacity = 5000\n");
  const std::string digest = run(made, 1).digest;
  CHECK(run(made, 1).digest == digest);
  CHECK(run(made, 2).digest != digest);
}

}  // namespace
