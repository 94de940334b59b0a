// Stages that come, go and are rewired while records flow.
#include "random_test.hpp"
#include "runtime/test_rig.hpp"

#include <doctest/doctest.h>

#include <random>
#include <stdexcept>
#include <string>

namespace sluice::runtime::test::rearrangement_test {

namespace {

/// source -> pass -> sink, to be changed.
struct moving : rig {
  moving() {
    add("source", source);
    add("pass", transform, {"source"});
    add("sink", sink, {"pass"});
    spec.hash = "before";
    build();
    next = spec;
    next.hash = "after";
  }
  std::uint32_t number(const std::string& name) const {
    for (std::uint32_t i = 0; i < next.stages.size(); ++i)
      if (next.stages[i].name == name) return i;
    throw std::out_of_range{name};
  }
  /// Before the stage `before`; at the end if that is empty.
  void put(const std::string& name, const sluice_plugin* plugin,
           std::initializer_list<std::string> from, const std::string& before = "") {
    rig made;
    config::stage_spec& one = made.add(name, plugin);
    const bool guarded =
        from.size() == 1 && next.stages[number(*from.begin())].plugin->kind == SLUICE_GUARD;
    if (guarded) one.queue.reset();
    const std::uint32_t at =
        before.empty() ? static_cast<std::uint32_t>(next.stages.size()) : number(before);
    for (config::stage_spec& each : next.stages)
      for (config::edge_spec& edge : each.inputs) edge.from += edge.from >= at;
    next.stages.insert(next.stages.begin() + at, one);
    for (const std::string& each : from) next.stages[at].inputs.push_back({number(each), {}});
  }
  void take(const std::string& name) {
    const std::uint32_t at = number(name);
    next.stages.erase(next.stages.begin() + at);
    for (config::stage_spec& each : next.stages) {
      std::erase_if(each.inputs, [&](const auto& edge) { return edge.from == at; });
      for (config::edge_spec& edge : each.inputs) edge.from -= edge.from > at;
    }
  }
  void feed(const std::string& name, std::initializer_list<std::string> from) {
    next.stages[number(name)].inputs.clear();
    for (const std::string& each : from)
      next.stages[number(name)].inputs.push_back({number(each), {}});
  }
  receipt change() {
    current_scripts = &plays;
    return run->change(next, {});
  }
  bool here(std::string_view name) const {
    for (const stage_state& each : run->read().stages)
      if (each.name == name) return true;
    return false;
  }

  config::pipeline_spec next;
};

}  // namespace

TEST_CASE("rearrangement: a transform comes into a lane, and leaves it again") {
  moving all;
  all.give_many(3);
  all.put("half", transform, {"pass"}, "sink");
  all.feed("sink", {"half"});
  std::uint64_t seen = 0;
  all["half"].process = [&](batch& records) {
    for (const record& each : records)
      if (++seen % 2 == 0) records.drop(each, reason::sampled);
  };
  const receipt told = all.change();
  CHECK(told.error == "");
  CHECK(told.stages.size() == 2);  // added, and the sink rewired
  CHECK(all.run->read().config_hash == "after");
  all.give_many(6);
  CHECK(all.words() == "1:1 1:2 1:3 1:4 1:6 1:8");
  CHECK(all.dropped("half", SLUICE_DROP_SAMPLED) == 3);
  all.check_balance();

  all.take("half");
  all.feed("sink", {"pass"});
  CHECK(all.change().error == "");
  CHECK_FALSE(all.here("half"));
  all.give_many(2);
  CHECK(all.words() == "1:10 1:11");
  // What it dropped stays in the total.
  CHECK(all.run->read().total.dropped[SLUICE_DROP_SAMPLED] == 3);
  CHECK(all.run->read().total.created == 11);
  all.check_balance();
  CHECK(all.drain());
  all.check_balance();
}

TEST_CASE("rearrangement: what a leaving stage holds goes on, and so does its last word") {
  moving all;
  all["pass"].process = [&](batch& records) {
    for (const record& each : records) static_cast<void>(records.hold(each));
  };
  bool drained = false;
  all["pass"].drain = [&](time_point) { return drained = true; };
  all.give_many(4);
  CHECK(all.state("pass").held == 4);
  all.take("pass");
  all.feed("sink", {"source"});
  const receipt told = all.change();
  CHECK(told.error == "");
  CHECK(drained);
  CHECK(told.stages.front().released == 4);
  all.give_many(1);
  CHECK(all.words() == "1:1 1:2 1:3 1:4 1:5");
  all.check_balance();
}

TEST_CASE("rearrangement: a sink comes with a lane of its own, and goes when its queue is empty") {
  moving all;
  all.put("second", sink, {"pass"});
  CHECK(all.change().error == "");
  all.give_many(3);
  CHECK(all.words() == "1:1 1:2 1:3");
  CHECK(all.words("second") == "1:1 1:2 1:3");
  all.check_balance();

  all["second"].ready = [](std::uint32_t, duration) { return 0u; };
  all.give_many(2);
  all["second"].ready = [](std::uint32_t, duration) { return 1u; };
  all.take("second");
  const receipt told = all.change();
  CHECK(told.error == "");
  CHECK(told.stages.front().lost == 0);
  CHECK(all.words("second") == "1:4 1:5");
  CHECK_FALSE(all.here("second"));
  all.give_many(1);
  CHECK(all.words() == "1:4 1:5 1:6");
  all.check_balance();
  CHECK(all.run->running().lanes().size() == 2);
}

TEST_CASE("rearrangement: a sink comes and goes with its guard") {
  moving all;
  all.put("breaker", guard, {"pass"});
  all.put("second", sink, {"breaker"});
  std::uint64_t asked = 0;
  all["breaker"].permit = [&](std::uint64_t&) { return ++asked, +SLUICE_GUARD_ALLOW; };
  CHECK(all.change().error == "");
  all.give_many(3);
  CHECK(all.words("second") == "1:1 1:2 1:3");
  CHECK(asked > 0);
  all.check_balance();
  all.take("second");
  all.take("breaker");
  CHECK(all.change().error == "");
  all.give_many(1);
  CHECK(all.words() == "1:1 1:2 1:3 1:4");
  all.check_balance();
}

TEST_CASE("rearrangement: what a sink that goes could not send is lost, by the receipt") {
  moving all;
  all.put("second", sink, {"pass"});
  REQUIRE(all.change().error == "");
  all["second"].ready = [](std::uint32_t, duration) { return 0u; };
  all.give_many(5);
  all.take("second");
  const receipt told = all.change();
  CHECK(told.error == "");
  CHECK(told.stages.front().lost == 5);
  CHECK(all.run->read().total.dropped[SLUICE_DROP_SHUTDOWN] == 5);
  all.check_balance();
}

TEST_CASE("rearrangement: a source and a service come and go") {
  moving all;
  // A queue before what both feed was there from the start, else it would need a restart.
  rig two;
  two.add("source", source);
  two.add("hub", transform, {"source"}).queue = config::queue_spec{};
  two.add("sink", sink, {"hub"});
  two.build();
  moving helper;
  helper.next = two.spec;
  helper.put("other", source, {}, "hub");
  helper.feed("hub", {"source", "other"});
  helper.put("watch", service, {});
  current_scripts = &two.plays;
  CHECK(two.run->change(helper.next, {}).error == "");
  two.give_many(2, {.key = 7});
  two.plays["other"].waiting.assign(2, {.key = 8});
  two.give({}, "other");
  CHECK(two.words().size() == std::string{"7:1 7:2 8:1 8:2"}.size());
  two.check_balance();
  helper.take("source");
  CHECK(two.run->change(helper.next, {}).error == "");
  helper.take("watch");
  CHECK(two.run->change(helper.next, {}).error == "");
  two.plays["other"].waiting.assign(1, {.key = 8});
  two.give({}, "other");
  CHECK(two.words() == "8:3");
  two.check_balance();
  CHECK(two.run->read().total.created == 5);
  CHECK(two.drain());
}

TEST_CASE("rearrangement: one that cannot be made or started leaves all as it was") {
  moving all;
  all.put("second", sink, {"pass"});
  all.put("half", transform, {"pass"}, "sink");
  all.feed("sink", {"half"});
  all["second"].start = [] { throw std::runtime_error{"no disk"}; };
  CHECK(all.change().error.find("second: start: no disk") != std::string::npos);
  CHECK_FALSE(all.here("second"));
  CHECK_FALSE(all.here("half"));
  all["second"].start = {};
  all["half"].start = [] { throw std::runtime_error{"no table"}; };
  CHECK(all.change().error.find("half: start: no table") != std::string::npos);
  CHECK_FALSE(all.here("second"));
  all.give_many(3);
  CHECK(all.words() == "1:1 1:2 1:3");
  CHECK(all.run->read().config_hash == "before");
  all.check_balance();
  all["half"].start = {};
  CHECK(all.change().error == "");
  all.give_many(1);
  CHECK(all.words("second") == "1:4");
  all.check_balance();
}

TEST_CASE("rearrangement: while one starts, the rest of what comes is measured already") {
  moving all;
  all.put("second", sink, {"pass"});
  all.put("third", sink, {"pass"});
  int measured = 0;
  for (const char* each : {"second", "third"})
    all[each].start = [&] {
      all.run->running().tick();
      measured += all.here("second") && all.here("third");
    };
  CHECK(all.change().error == "");
  CHECK(measured == 2);
  all.give_many(2);
  CHECK(all.words("second") == "1:1 1:2");
  CHECK(all.words("third") == "1:1 1:2");
  all.check_balance();
}

TEST_CASE("rearrangement: a stage that would leave its lane is refused by name") {
  moving all;
  all.put("hop", transform, {"source"}, "pass");
  all.next.stages[1].queue = config::queue_spec{};
  all.feed("pass", {"hop"});
  CHECK(all.change().error == "pass: from the lane of source to that of hop needs a restart");
  all.give_many(1);
  CHECK(all.words() == "1:1");
}

TEST_CASE("rearrangement: only what passes an edge changes") {
  moving all;
  all.next.stages[2].inputs[0].where.priorities = {SLUICE_PRIORITY_HIGH};
  CHECK(all.change().stages.at(0).what == config::change::rewire);
  all.give({{.key = 1}, {.key = 2, .priority = SLUICE_PRIORITY_HIGH}});
  CHECK(all.words() == "2:1");
  CHECK(all.dropped("pass", SLUICE_DROP_UNROUTED) == 1);
  all.check_balance();
}

TEST_CASE("rearrangement: any number of stages come and go in any order, and the ledger holds") {
  std::mt19937_64 random{test_seed()};
  moving all;
  std::uint64_t given = 0;
  for (int round = 0; round < 200; ++round) {
    const std::string inlined = "t" + std::to_string(random() % 4);
    const std::string side = "s" + std::to_string(random() % 4);
    const auto has = [&](const std::string& name) {
      for (const config::stage_spec& each : all.next.stages)
        if (each.name == name) return true;
      return false;
    };
    if (random() % 2 == 0) {
      if (has(side))
        all.take(side);
      else
        all.put(side, sink, {random() % 2 == 0 ? "pass" : "source"});
    } else if (has(inlined)) {
      const std::uint32_t from = all.next.stages[all.number(inlined)].inputs.front().from;
      for (config::stage_spec& each : all.next.stages)
        for (config::edge_spec& edge : each.inputs)
          if (edge.from == all.number(inlined)) edge.from = from;
      all.take(inlined);
    } else {
      const std::string before =
          all.next.stages[all.next.stages[all.number("sink")].inputs.front().from].name;
      all.put(inlined, transform, {before}, "sink");
      all.feed("sink", {inlined});
    }
    const receipt told = all.change();
    REQUIRE(told.error == "");
    all.give_many(5);
    given += 5;
    REQUIRE(all.plays["sink"].got.size() == 5);
    REQUIRE(all.plays["sink"].got.back().seq == given);
    all.plays["sink"].got.clear();
    all.check_balance();
  }
  CHECK(all.drain());
  all.check_balance();
}

}  // namespace sluice::runtime::test::rearrangement_test
