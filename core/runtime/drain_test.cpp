// The end: in order, within its limit, and what is left is counted.
#include "runtime/test_rig.hpp"

namespace drain_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

TEST_CASE("drain: source, transforms, sink, each after what is before it; nothing is lost") {
  rig on;
  on.add("source", source);
  on.add("holder", transform, {"source"});
  on.add("sink", sink, {"holder"});
  std::string order;
  std::deque<held_record> held;
  std::deque<std::pair<std::uint64_t, std::uint32_t>> calls;
  on["source"].drain = [&](time_point) { return order += "source ", true; };
  on["holder"].process = [&](batch& records) {
    for (const record& each : records) held.push_back(records.hold(each));
  };
  on["holder"].drain = [&](time_point) {
    order += "holder ";
    if (!held.empty()) {
      on["holder"].host->release(held.front());
      held.pop_front();
    }
    return held.empty();
  };
  on["sink"].process = [&](batch& records) {
    calls.push_back({records.call(), records.size()});
    for (const record& each : records) {
      on["sink"].take(each);
      records.pending(each);
    }
    on["sink"].host->wake_at(records.now() + std::chrono::milliseconds{1});
  };
  on["sink"].timer = [&](time_point now) {
    const std::int64_t at = now.time_since_epoch().count();
    for (; !calls.empty(); calls.pop_front())
      on["sink"].host->report(
          {0, SLUICE_PUBLISHED, 0, calls.front().second, calls.front().first, 0, at, at, 0});
  };
  on["sink"].drain = [&](time_point) {
    if (calls.empty()) order += "sink ";
    return calls.empty();
  };
  on.build();
  on.give({{1}, {2}, {3}});
  CHECK(on.drain());
  CHECK(on.words() == "1:1 2:1 3:1");
  CHECK(order == "source holder holder holder sink ");
  CHECK_FALSE(on.run->running().drained_with_loss());
  CHECK(on.run->read().phase == phase::stopped);
  CHECK(on.run->read().held == 0);
  on.check_balance();
}

TEST_CASE("drain: services run until all else has ended, then drain") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on.add("service", service);
  std::string order;
  bool written = false;
  int looks = 0;
  on["sink"].drain = [&](time_point) { return written ? (order += "sink ", true) : false; };
  on["service"].timer = [&](time_point now) {
    ++looks;
    on["service"].host->wake_at(now + std::chrono::milliseconds{10});
  };
  on["service"].drain = [&](time_point) { return order += "service ", true; };
  on.build();
  on.wake("service");
  on.run->running().begin_drain(5000 * ms);
  on.run->advance(1000 * ms);
  CHECK(order == "");
  CHECK(looks > 90);
  CHECK_FALSE(on.run->running().stopped());
  written = true;
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
  CHECK(order == "sink service ");
}

TEST_CASE("drain: at the limit services end after all else, too") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on.add("service", service);
  on["sink"].drain = [](time_point) { return false; };
  on["service"].drain = [](time_point) { return false; };
  on.build();
  CHECK(on.drain(1000 * ms));
}

TEST_CASE("drain: a service whose turn comes at the limit is asked once, with no time left") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on.add("service", service);
  on["sink"].drain = [](time_point) { return false; };
  std::vector<std::int64_t> deadlines, times;
  on["service"].drain = [&](time_point deadline) {
    deadlines.push_back(deadline.time_since_epoch().count());
    times.push_back(on.run->now());
    return false;
  };
  on.build();
  const std::int64_t began = on.run->now();
  CHECK(on.drain(1000 * ms));
  CHECK(times == std::vector<std::int64_t>{began + 1000 * ms});
  CHECK(deadlines == times);
}

TEST_CASE("drain: what a stage lets go before it is done goes on at once") {
  rig on;
  on.add("source", source);
  on.add("holder", transform, {"source"});
  on.add("sink", sink, {"holder"});
  held_record held;
  on["holder"].process = [&](batch& records) { held = records.hold(records[0]); };
  bool done = false;
  on["holder"].drain = [&](time_point) {
    if (held) on["holder"].host->release(std::exchange(held, {}));
    return done;
  };
  on.build();
  on.give({{1}});
  on.run->running().begin_drain(5000 * ms);
  on.run->settle();
  CHECK(on.words() == "1:1");
  on.check_balance();
  done = true;
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
}

TEST_CASE(
    "drain: at the limit the queue and the hand are shutdown, what is unanswered is unknown") {
  rig on;
  on.add("source", source);
  on.add("holder", transform, {"source"});
  on.add("sink", sink, {"holder"});
  on["holder"].process = [&](batch& records) { static_cast<void>(records.hold(records[0])); };
  on["holder"].drain = [](time_point) { return false; };
  bool first = true;
  on["sink"].ready = [&](std::uint32_t, duration) { return std::exchange(first, false) ? 4u : 0u; };
  on["sink"].process = [](batch& records) {
    records.pending(records[0]);
    records.pending(records[1]);
    records.give_back(records[2]);
    records.give_back(records[3]);
  };
  on.build();
  on.give_many(10);
  CHECK(on.state("holder").held == 1);
  CHECK(on.state("sink").held == 9);
  on.check_balance();
  const std::int64_t began = on.run->now();
  CHECK(on.drain(3000 * ms));
  CHECK(on.run->now() - began == 3000 * ms);
  CHECK(on.dropped("holder", SLUICE_DROP_SHUTDOWN) == 1);
  CHECK(on.dropped("sink", SLUICE_DROP_SHUTDOWN) == 7);
  CHECK(on.state("sink").count.unknown == 2);
  CHECK(on.run->running().drained_with_loss());
  CHECK(on.run->read().held == 0);
  on.check_balance();
}

TEST_CASE("drain: what was lost before it began is not its loss") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on["sink"].process = [](batch& records) {
    for (const record& each : records) records.fail(each);
  };
  on.build();
  on.give({{1}});
  CHECK(on.drain());
  CHECK_FALSE(on.run->running().drained_with_loss());
}

TEST_CASE("stop_now ends all at once, also in the midst of a drain") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on["sink"].ready = [](std::uint32_t, duration) { return 0u; };
  on.build();
  on.give({{1}, {2}});
  on.run->running().begin_drain(5000 * ms);
  on.run->advance(1000 * ms);
  CHECK_FALSE(on.run->running().stopped());
  on.run->running().stop_now();
  on.run->settle();
  CHECK(on.run->running().stopped());
  CHECK(on.dropped("sink", SLUICE_DROP_SHUTDOWN) == 2);
  CHECK(on.run->running().drained_with_loss());
  on.check_balance();
}

TEST_CASE("a second begin_drain does not move the first's limit") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on["sink"].ready = [](std::uint32_t, duration) { return 0u; };
  on.build();
  on.give({{1}});
  on.run->running().begin_drain(1000 * ms);
  on.run->running().begin_drain(9000 * ms);
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
}

TEST_CASE("drain: a lane before a full block queue is let go at the limit") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"}).queue =
      config::queue_spec{2, 1 << 20, config::when_full::block, 0};
  on["sink"].ready = [](std::uint32_t, duration) { return 0u; };
  on.build();
  on.give_many(10);
  on.wake("source");  // due, and it may not be stepped
  CHECK(on.drain(1000 * ms));
  CHECK(on.dropped("sink", SLUICE_DROP_SHUTDOWN) == 10);
  on.check_balance();
}

TEST_CASE("drain: a source with I/O is polled until it is done, and never after") {
  rig on;
  on.add("source", io_source);
  on.add("holder", transform, {"source"});
  on.add("sink", sink, {"holder"});
  int rounds = 0;
  bool source_done = false, holder_done = false, polled_after = false;
  on["source"].poll = [&](duration) { polled_after |= source_done; };
  on["source"].drain = [&](time_point) {
    on["source"].waiting.push_back({});
    on["source"].push_waiting();
    return source_done = ++rounds == 3;
  };
  on["holder"].drain = [&](time_point) { return holder_done; };
  on.build();
  on.run->running().begin_drain(5000 * ms);
  on.run->advance(1000 * ms);
  CHECK_FALSE(on.run->running().stopped());
  holder_done = true;
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
  CHECK(rounds == 3);
  CHECK(on["sink"].got.size() == 3);
  CHECK_FALSE(polled_after);
  on.check_balance();
}

TEST_CASE("drain: a source that has drained is not woken by its timer either") {
  rig on;
  on.add("source", source);
  on.add("holder", transform, {"source"});
  on.add("sink", sink, {"holder"});
  on["source"].timer = [&](time_point now) {
    on["source"].host->wake_at(now + std::chrono::milliseconds{10});
    on["source"].waiting.push_back({});
    on["source"].push_waiting();
  };
  on["holder"].process = [&](batch& records) { static_cast<void>(records.hold(records[0])); };
  on["holder"].drain = [](time_point) { return false; };
  on.build();
  on.give({});
  on.run->advance(95 * ms);
  CHECK(on.state("holder").held == 10);
  CHECK(on.drain(1000 * ms));
  CHECK(on.state("source").count.created == 10);
  CHECK(on.dropped("holder", SLUICE_DROP_SHUTDOWN) == 10);
  CHECK(on.run->read().held == 0);
  on.check_balance();
}

TEST_CASE("a transform with I/O may emit in its poll, in a lane of its own too") {
  rig on;
  static constexpr const sluice_plugin* io_transform =
      &plugin_of<scripted<SLUICE_TRANSFORM, every_answer | SLUICE_CAN_IO>>;
  on.add("source", source);
  on.add("asks", io_transform, {"source"}).queue = config::queue_spec{};
  on.add("sink", sink, {"asks"});
  std::deque<held_record> held;
  on["asks"].process = [&](batch& records) {
    for (const record& each : records) held.push_back(records.hold(each));
  };
  on["asks"].poll = [&](duration) {
    for (; !held.empty(); held.pop_front()) on["asks"].host->release(held.front());
  };
  on.build();
  on.give({{1}, {2}});
  on.run->advance(200 * ms);
  CHECK(on.words() == "1:1 2:1");
  on.check_balance();
}

TEST_CASE("drain: three lanes in a row, merged and sharded, lose nothing") {
  rig on;
  on.add("source", source);
  on.add("other", source);
  on.add("both", plain, {"source", "other"}).queue = config::queue_spec{};
  on.add("more", plain, {"both"}).queue = config::queue_spec{};
  on.add("sink", sink, {"more"}).shards = 2;
  on.build(7);
  for (std::uint64_t key = 0; key < 500; ++key) {
    on["source"].waiting.push_back({key});
    on["other"].waiting.push_back({key});
  }
  on.wake("source");
  on.wake("other");
  on.run->running().begin_drain(5000 * ms);  // nothing has moved yet
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 5000 * ms));
  CHECK(on["sink/0"].got.size() + on["sink/1"].got.size() == 1000);
  CHECK_FALSE(on.run->running().drained_with_loss());
  on.check_balance();
}

}  // namespace drain_test
