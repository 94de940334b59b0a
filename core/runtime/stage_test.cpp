// One transform in its lane: what it may answer and ask, and what is left after a fault.
#include "runtime/test_rig.hpp"

#include <stdexcept>

namespace stage_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

namespace {

/// source -> stage -> sink.
struct chain : rig {
  explicit chain(const sluice_plugin* plugin = transform,
                 config::on_fault policy = config::on_fault::bypass) {
    add("source", source);
    add("stage", plugin, {"source"}).fault_policy = policy;
    add("sink", sink, {"stage"});
  }
  host by() { return *plays["stage"].host; }
  record own(std::uint64_t key, float weight = 1) {
    record made{};
    made.key = key;
    made.schema = by().schema("own/1");
    made.priority = SLUICE_PRIORITY_NORMAL;
    made.weight = weight;
    return made;
  }
};

}  // namespace

TEST_CASE("what a stage emits and releases leaves at its position") {
  chain on;
  std::vector<held_record> held;
  on["stage"].process = [&](batch& records) {
    if (held.empty()) {
      held = {records.hold(records[0]), records.hold(records[1])};
      return;
    }
    on.by().emit(on.own(100), 0);
    records.drop(records[1], reason::sampled);
    on.by().release(held[1], 1);
    on.by().emit(on.own(101), 2);
    on.by().release(held[0], 2, 5);
    on.by().emit(on.own(102));
  };
  on.build();
  on.give({{1}, {2}, {3}});
  CHECK(on.words() == "3:1");
  CHECK(on.state("stage").held == 2);
  on.check_balance();
  on.give({{1}, {2}, {3}});
  CHECK(on["sink"].got.at(4).weight == 5);
  CHECK(on.words() == "100:1 1:2 2:1 101:1 1:1 3:2 102:1");
  CHECK(on.state("stage").count.created == 3);
  CHECK(on.state("stage").held == 0);
  on.check_balance();
}

TEST_CASE("more than a batch of emitted records keeps its order") {
  chain on;
  on["stage"].process = [&](batch& records) {
    for (std::uint32_t i = 0; i < records.size(); ++i)
      for (std::uint32_t copy = 0; copy < 3; ++copy) on.by().emit(on.own(1000 + i), i);
  };
  on.build();
  on.give_many(300);
  REQUIRE(on["sink"].got.size() == 1200);
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < 1200; ++i) {
    const taken& each = on["sink"].got[i];
    CHECK((each.key == 1) == (i % 4 == 3));
    if (each.key == 1) CHECK(each.seq == ++last);
  }
  on.check_balance();
}

TEST_CASE("what one call may emit is bounded, in records and in bytes") {
  chain on;
  on.spec.stages[2].queue->records = 200'000;
  std::uint32_t most = 0;
  std::vector<std::uint8_t> payload;
  sluice_status last = SLUICE_OK;
  on["stage"].process = [&](batch&) {
    record made = on.own(7);
    made.data = payload.data();
    made.size = static_cast<std::uint32_t>(payload.size());
    const sluice_host* host = on.by().raw();
    for (most = 0; (last = host->emit(host, &made, SLUICE_AT_END)) == SLUICE_OK; ++most) {
      if (most > 100'000) break;
    }
  };
  on.build();
  for (int call = 0; call < 2; ++call) {  // each call has its own bound
    on.give({{1}});
    CHECK(most == 65'536);
    CHECK(last == SLUICE_FULL);
  }
  payload.resize(5u << 20);
  on.give({{1}});
  CHECK(most == 3);
  CHECK(last == SLUICE_FULL);
  CHECK(on.state("stage").faults == 0);
  CHECK(on.state("stage").count.created == 2 * 65'536 + 3);
  on.check_balance();
}

TEST_CASE("an emitted record has its own numbering, or the key's that it was made from") {
  chain on;
  on["stage"].process = [&](batch& records) {
    on.by().emit(on.own(77));
    on.by().emit(records[0]);
  };
  on.build();
  on.give({{5}});
  on.give({{5}});
  const auto& got = on["sink"].got;
  REQUIRE(got.size() == 6);
  CHECK(got[1].key == 77);
  CHECK(got[1].index != got[0].index);  // though it said 0, which is another key's
  CHECK(got[2].index == got[0].index);
  CHECK(got[4].seq == 2);
  CHECK(got[5].seq == 2);
}

TEST_CASE("absorbed, held over the limit, dropped while held") {
  chain on;
  on.spec.stages[1].hold = 1;
  on["stage"].process = [&](batch& records) {
    records.absorb(records[0]);
    const held_record held = records.hold(records[1]);
    CHECK(held);
    CHECK_FALSE(records.hold(records[2]));  // full: still unanswered
    CHECK(on.by().held(held)->key == 2);
    on.by().drop(held, reason::expired);
    CHECK(on.by().held(held) == nullptr);
  };
  on.build();
  on.give({{1}, {2}, {3}});
  CHECK(on.words() == "3:1");
  CHECK(on.state("stage").count.absorbed == 1);
  CHECK(on.dropped("stage", SLUICE_DROP_EXPIRED) == 1);
  on.check_balance();
}

TEST_CASE("held and released in one call leaves once") {
  chain on;
  on["stage"].process = [&](batch& records) {
    const held_record held = records.hold(records[0]);
    on.by().release(held);
  };
  on.build();
  on.give({{1}, {2}});
  CHECK(on.words() == "2:1 1:1");
  on.check_balance();
}

TEST_CASE("after a fault nothing of the call is left") {
  chain on;
  held_record old[3];
  int round = 0;
  on["stage"].process = [&](batch& records) {
    if (++round == 1) {
      for (std::uint32_t i = 0; i < 3; ++i) old[i] = records.hold(records[i]);
      return;
    }
    const held_record fresh = records.hold(records[0]);
    static_cast<void>(records.hold(records[1]));
    on.by().emit(on.own(9));
    on.by().release(old[0]);
    on.by().release(fresh);
    on.by().drop(old[1], reason::shed);
    throw std::runtime_error{"on purpose"};
  };
  on.build();
  on.give({{1}, {1}, {1}});
  on.give({{2}, {2}, {2}});
  CHECK(on.words() == "");
  CHECK(on.last_event("stage") == "fault: on purpose");
  const auto state = on.state("stage");
  CHECK(state.faults == 1);
  CHECK(state.held == 1);
  CHECK(state.count.created == 0);
  CHECK(state.count.dropped[SLUICE_DROP_FAULT] == 4);  // the batch, and what it had let go
  CHECK(state.count.dropped[SLUICE_DROP_SHED] == 1);
  on.check_balance();
}

TEST_CASE("the third refused call bypasses after its batch: what it held is counted once") {
  chain on;
  on["stage"].process = [&](batch& records) {
    static_cast<void>(records.hold(records[0]));
    static_cast<void>(records.hold(records[1]));
    on.by().release(held_record{12345});
  };
  on.build();
  for (int i = 0; i < 3; ++i) on.give({{1}, {2}, {3}});
  CHECK(on.state("stage").bypassed);
  CHECK(on.state("stage").faults == 3);
  CHECK(on.dropped("stage", SLUICE_DROP_FAULT) == 9);
  on.check_balance();
  on.give({{1}});
  CHECK(on.words() == "1:4");
  on.check_balance();
}

TEST_CASE("a refused call that the stage takes calmly is a fault, and its batch goes on") {
  chain on;
  on["stage"].process = [&](batch& records) {
    static_cast<void>(records.hold(records[0]));
    const sluice_host* raw = on.by().raw();
    CHECK(raw->release(raw, 999, SLUICE_AT_END, 0) == SLUICE_INVALID);
    CHECK(raw->drop_held(raw, 999, SLUICE_DROP_SHED) == SLUICE_INVALID);
  };
  on.build();
  for (int i = 0; i < 3; ++i) on.give({{1}, {2}});
  CHECK(on.state("stage").faults == 3);  // once a call
  CHECK(on.state("stage").bypassed);
  CHECK(on.words() == "2:1 2:2 2:3");
  CHECK(on.dropped("stage", SLUICE_DROP_FAULT) == 3);  // what was held at the bypass
  on.check_balance();
}

TEST_CASE("what a host call refuses, with its reason") {
  struct refused {
    const char* why;
    std::function<sluice_status(chain&, const sluice_host*, batch&)> call;
  };
  const refused cases[] = {
      {"push is for sources",
       [](chain&, const sluice_host* raw, batch& b) { return raw->push(raw, &b[0], 1); }},
      {"discard is for sources", [](chain&, const sluice_host* raw,
                                    batch&) { return raw->discard(raw, SLUICE_DROP_SHED, 1); }},
      {"report is for sinks",
       [](chain&, const sluice_host* raw, batch&) {
         const sluice_outcome outcome{};
         return raw->report(raw, &outcome);
       }},
      {"emit: positions decreased within one call",
       [](chain& on, const sluice_host* raw, batch&) {
         const record made = on.own(1);
         raw->emit(raw, &made, 1);
         return raw->emit(raw, &made, 0);
       }},
      {"emitted a record without a known schema, a priority of 0 to 2 and a weight of 1 or more",
       [](chain& on, const sluice_host* raw, batch&) {
         record made = on.own(1);
         made.schema = 999;
         return raw->emit(raw, &made, SLUICE_AT_END);
       }},
      {"emitted a record without a known schema, a priority of 0 to 2 and a weight of 1 or more",
       [](chain& on, const sluice_host* raw, batch&) {
         const record made = on.own(1, 0);
         return raw->emit(raw, &made, SLUICE_AT_END);
       }},
      {"hold: the record was answered already",
       [](chain&, const sluice_host* raw, batch& b) {
         std::uint64_t handle = 0;
         b.drop(b[0], reason::shed);
         return raw->hold(raw, 0, &handle);
       }},
      {"hold: a record has a priority of 0 to 2 and a weight of 1 or more",
       [](chain&, const sluice_host* raw, batch& b) {
         std::uint64_t handle = 0;
         b[0].priority = 9;
         const sluice_status status = raw->hold(raw, 0, &handle);
         b[0].priority = 1;
         return status;
       }},
      {"hold is for transforms that declare SLUICE_CAN_HOLD, in process",
       [](chain&, const sluice_host* raw, batch& b) {
         std::uint64_t handle = 0;
         return raw->hold(raw, b.size(), &handle);
       }},
      {"dropped a held record for a reason that is none",
       [](chain&, const sluice_host* raw, batch& b) {
         const held_record held = b.hold(b[0]);
         return raw->drop_held(raw, held.handle, 12);
       }},
      {"release: a weight is 1 or more",
       [](chain&, const sluice_host* raw, batch& b) {
         const held_record held = b.hold(b[0]);
         return raw->release(raw, held.handle, SLUICE_AT_END, 0.5F);
       }},
  };
  for (const refused& each : cases) {
    INFO(each.why);
    chain on;
    on["stage"].process = [&](batch& records) {
      CHECK(each.call(on, on.by().raw(), records) == SLUICE_INVALID);
    };
    on.build();
    on.give({{1}});
    CHECK(on.last_event("stage") == std::string{"fault: "} + each.why);
    CHECK(on.dropped("stage", SLUICE_DROP_FAULT) == 0);
    on.check_balance();
  }
}

TEST_CASE("what a stage did not declare it may not answer") {
  chain on{plain};
  on["stage"].process = [&](batch& records) { records.absorb(records[0]); };
  on.build();
  on.give({{1}, {2}});
  CHECK(on.last_event("stage") ==
        "fault: answered 32 for record 0 of a batch, which it did not declare "
        "(SLUICE_CAN_ABSORB)");
  CHECK(on.dropped("stage", SLUICE_DROP_FAULT) == 2);
  on.check_balance();
}

TEST_CASE("a priority or weight that is none voids the batch") {
  chain on{plain};
  on["stage"].process = [&](batch& records) { records[1].priority = 77; };
  on.build();
  on.give({{1}, {2}});
  CHECK(on.last_event("stage") ==
        "fault: gave record 1 of a batch priority 77 and weight 1: allowed are 0 to 2, and 1 or "
        "more");
  on["stage"].process = [&](batch& records) { records[0].weight = -1; };
  on.give({{1}});
  CHECK(on.last_event("stage") ==
        "fault: gave record 0 of a batch priority 1 and weight -1: allowed are 0 to 2, and 1 or "
        "more");
  CHECK(on.words() == "");
  CHECK(on.dropped("stage", SLUICE_DROP_FAULT) == 3);
  on.check_balance();
}

TEST_CASE("three faults in ten seconds stop a stage whose policy says so, and the pipeline") {
  chain on{plain, config::on_fault::stop};
  on["stage"].process = [](batch&) { throw std::runtime_error{"again"}; };
  on.build();
  on.give({{1}});
  on.run->advance(6000 * ms);
  on.give({{1}});
  on.run->advance(6000 * ms);
  on.give({{1}});  // the first is twelve seconds ago
  CHECK_FALSE(on.state("stage").stopped);
  on.give({{1}});
  CHECK(on.state("stage").stopped);
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
  CHECK(on.run->read().stopped_by == "stage");
  CHECK(on.last_event("stage") ==
        "stop: stopped after three faults in ten seconds, the last: again");
  CHECK(on.dropped("stage", SLUICE_DROP_FAULT) == 4);
  on.check_balance();
}

TEST_CASE("a stage that does not start ends the pipeline; what is before it is never asked") {
  chain on{plain};
  on["stage"].start = [] { throw std::runtime_error{"no such file"}; };
  int asked = 0;
  on["source"].start = [&] { ++asked; };
  on["source"].timer = [&](time_point) { ++asked; };
  on["source"].drain = [&](time_point) { return ++asked, true; };
  current_scripts = &on.plays;
  on.run.emplace(on.spec, 1, [](std::uint32_t, std::string_view, std::string_view) {});
  on.wake("source");
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
  CHECK(asked == 0);
  CHECK(on.run->read().stopped_by == "stage");
  CHECK(on.last_event("stage") == "stop: did not start: no such file");
  on.check_balance();
}

TEST_CASE("a bypassed stage is passed by, and not called") {
  chain on{plain};
  on.spec.stages[1].bypassed = true;
  int calls = 0;
  on["stage"].start = [&] { ++calls; };
  on["stage"].process = [&](batch&) { ++calls; };
  on["stage"].drain = [&](time_point) { return ++calls, true; };
  on.build();
  on.give({{1}});
  CHECK(on.words() == "1:1");
  CHECK(on.drain());
  CHECK(calls == 0);
  on.check_balance();
}

TEST_CASE("timers: once, at their time, the last request counts") {
  chain on{plain};
  std::vector<std::int64_t> fired;
  on.build();
  const std::int64_t zero = on.run->now();
  on["stage"].timer = [&](time_point now) {
    fired.push_back((now.time_since_epoch().count() - zero) / ms);
  };
  const auto at = [&](std::int64_t when) { return time_point{duration{zero + when * ms}}; };
  on.wake("stage", at(500));
  on.wake("stage", at(30));
  on.run->advance(1000 * ms);
  CHECK(fired == std::vector<std::int64_t>{30});
  on.wake("stage", at(1500));
  on.wake("stage", never);
  on.run->advance(1000 * ms);
  CHECK(fired.size() == 1);
}

TEST_CASE("a service reads documents of the whole by name; other stages have no such door") {
  rig at;
  at.add("source", source);
  at.add("sink", sink, {"source"});
  at.add("service", &plugin_of<scripted<SLUICE_SERVICE>>);
  at.build();
  const sluice::host host = *at["service"].host;
  {
    const call_scope here = at.in_call("service");
    CHECK(host.document("status") == std::nullopt);  // before anybody answers
  }
  at.run->running().answer_with(
      [](std::string_view what, std::uint64_t after) {
        return what == "events" ? std::optional{"after " + std::to_string(after)} : std::nullopt;
      },
      {});
  std::optional<std::string> got, none;
  at["service"].timer = [&](time_point) {
    got = host.document("events", 7);
    none = host.document("nothing");
  };
  at.wake("service");
  at.run->settle();
  CHECK(got == "after 7");
  CHECK(none == std::nullopt);
  CHECK(at.state("service").faults == 0);
  CHECK(at["source"].host->extension<sluice_control>(SLUICE_EXT_CONTROL) == nullptr);
  CHECK(at["source"].host->document("events") == std::nullopt);
}

TEST_CASE("a service tells the pipeline to do something, and hears at once if it cannot") {
  rig at;
  at.add("source", source);
  at.add("sink", sink, {"source"});
  at.add("service", &plugin_of<scripted<SLUICE_SERVICE>>);
  at.build();
  const sluice::host host = *at["service"].host;
  const call_scope here = at.in_call("service");
  CHECK_THROWS_WITH(host.command("{}"), "nothing takes commands here");
  std::string taken;
  at.run->running().answer_with({}, [&](std::string_view request, std::string_view by) {
    if (request == "{}") throw std::runtime_error{"there is nothing called \"\" to do"};
    taken = std::string{by} + " " + std::string{request};
    return std::uint64_t{7};
  });
  CHECK(host.command("{\"do\": \"dance\"}") == 7);
  CHECK(taken == "service {\"do\": \"dance\"}");
  CHECK_THROWS_WITH(host.command("{}"), "there is nothing called \"\" to do");
  CHECK(at.state("service").faults == 0);
}

TEST_CASE("what goes wrong while a document is made stays on the host's side") {
  rig at;
  at.add("source", source);
  at.add("sink", sink, {"source"});
  at.add("service", &plugin_of<scripted<SLUICE_SERVICE>>);
  at.build();
  at.run->running().answer_with(
      [](std::string_view, std::uint64_t) -> std::optional<std::string> {
        throw std::runtime_error{"no paper left"};
      },
      {});
  {
    const call_scope here = at.in_call("service");
    CHECK(at["service"].host->document("status") == std::nullopt);
  }
  CHECK(at.logged.back() == "service: no paper left");
}

TEST_CASE("a fault of a source's call is counted, what it had pushed goes on") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on["source"].timer = [&](time_point) {
    on["source"].push_waiting();
    on["source"].host->discard(reason::malformed, 3);
    throw std::runtime_error{"after the push"};
  };
  on.build();
  on.give({{1}});
  CHECK(on.words() == "1:1");
  CHECK(on.state("source").faults == 1);
  CHECK(on.state("source").count.created == 4);
  CHECK(on.dropped("source", SLUICE_DROP_MALFORMED) == 3);
  on.check_balance();
}

}  // namespace stage_test
