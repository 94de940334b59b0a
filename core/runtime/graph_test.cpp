// What goes where: chains, branches, merges, queues, shards, conditions, numbers.
#include "runtime/test_rig.hpp"

#include <sluice/ext/attributes.h>

#include <set>

namespace graph_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

namespace {

void publish_types(rig& on, std::initializer_list<std::pair<std::uint64_t, const char*>> types) {
  const call_scope here = on.in_call("source");
  const host by = *on["source"].host;
  const sluice_str name = borrow("type");
  std::vector<sluice_str> values;
  for (const auto& each : types) values.push_back(borrow(each.second));
  std::vector<sluice_key_row> rows;
  for (const auto& each : types) rows.push_back({each.first, &values[rows.size()]});
  const auto* table = by.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES);
  REQUIRE(table->publish(by.raw(), &name, 1, rows.data(), rows.size()) == SLUICE_OK);
}

}  // namespace

TEST_CASE("a chain keeps order, numbers before any drop, and adds up") {
  rig on;
  on.add("source", source);
  on.add("filter", plain, {"source"});
  on.add("sink", sink, {"filter"});
  on["filter"].process = [](batch& records) {
    for (const record& each : records)
      if (each.seq % 2 == 0) records.drop(each, reason::sampled);
  };
  on.build();
  on.give({{1}, {2}, {1}, {1}, {2}});
  CHECK(on.words() == "1:1 2:1 1:3");
  CHECK(on.state("source").count.created == 5);
  CHECK(on.state("filter").count.dropped[SLUICE_DROP_SAMPLED] == 2);
  CHECK(on.state("sink").count.published == 3);
  CHECK(on.run->read().total.in == 0);
  on.check_balance();
  CHECK(on.drain());
  on.check_balance();
  CHECK_FALSE(on.run->running().drained_with_loss());
}

TEST_CASE("a branch copies, counts its copies, and drops what no edge takes") {
  rig on;
  on.add("source", source);
  on.add("all", sink, {"source"}).inputs[0].where.priorities = {0, 1};
  on.add("high", sink, {"source"}).inputs[0].where.priorities = {0};
  on.build();
  on.give({{1, "a", 0}, {2, "b", 1}, {3, "c", 2}});
  CHECK(on.words("all") == "1:1 2:1");
  CHECK(on.words("high") == "1:1");
  const auto state = on.state("source");
  CHECK(state.count.created == 4);
  CHECK(state.count.copied == 1);
  CHECK(state.count.out == 3);
  CHECK(state.count.dropped[SLUICE_DROP_UNROUTED] == 1);
  on.check_balance();
}

TEST_CASE("a source's rate is of what it received, on however many edges that goes") {
  rig on;
  on.add("source", source);
  on.add("a", sink, {"source"});
  on.add("b", sink, {"source"});
  on.build();
  on.give_many(5);
  on.run->advance(200 * ms);
  CHECK(on.state("source").rate_in_per_s == 5);
  CHECK(on.state("source").rate_out_per_s == 10);
}

TEST_CASE("a source's feed age is since it last received, or began") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on.build();
  const auto age = [&](std::string_view name) { return on.state(name).feed_age_ns; };
  on.run->advance(3000 * ms);
  CHECK(age("source") == 2900 * ms);  // looked at since the first tick
  on.give({{1}});
  on.run->advance(100 * ms);
  CHECK(age("source") == 0);
  on.run->advance(500 * ms);
  CHECK(age("source") == 500 * ms);
  CHECK(age("sink") == 0);
}

TEST_CASE("what one branch changes, the other does not see") {
  rig on;
  on.add("source", source);
  on.add("heavy", plain, {"source"});
  on.add("a", sink, {"heavy"});
  on.add("b", sink, {"source"});
  on["heavy"].process = [](batch& records) {
    records[0].weight = 7;
    records.drop(records[1], reason::sampled);
  };
  on.build();
  on.give({{1}, {2}});
  CHECK(on["a"].got.at(0).weight == 7);
  CHECK(on["b"].got.at(0).weight == 1);
  CHECK(on.words("a") == "1:1");
  CHECK(on.words("b") == "1:1 2:1");
  on.check_balance();
}

TEST_CASE("branches meet again in their lane") {
  rig on;
  on.add("source", source);
  on.add("even", plain, {"source"});
  on.add("odd", plain, {"source"});
  on.add("both", plain, {"even", "odd"});
  on.add("sink", sink, {"both"});
  on.build();
  on.give({{1}, {2}});
  CHECK(on["sink"].got.size() == 4);
  CHECK(on.state("both").lane == on.state("source").lane);
  CHECK_FALSE(on.state("both").queue.present);
  on.check_balance();
}

TEST_CASE("two lanes that meet without a queue are refused") {
  rig on;
  on.add("source", source);
  on.add("other", source);
  on.add("both", plain, {"source", "other"});
  on.add("sink", sink, {"both"});
  CHECK_THROWS_WITH(on.build(), "both: takes from several lanes and has no queue");
}

TEST_CASE("two lanes meet behind a queue of their own") {
  rig on;
  on.add("source", source);
  on.add("other", source);
  on.add("both", plain, {"source", "other"}).queue = config::queue_spec{};
  on.add("sink", sink, {"both"});
  on.build();
  on.give({{1}, {2}});
  on.give({{1}}, "other");
  CHECK(on.state("both").queue.present);
  CHECK(on.state("both").count.in == 3);
  std::set<std::uint32_t> indices;
  for (const taken& each : on["sink"].got) indices.insert(each.index);
  CHECK(indices.size() == 3);  // the same key of another source is another index
  on.check_balance();
  CHECK(on.drain());
  on.check_balance();
}

TEST_CASE("a transform's own queue begins a lane") {
  rig on;
  on.add("source", source);
  on.add("later", plain, {"source"}).queue =
      config::queue_spec{10, 1 << 20, config::when_full::drop_oldest, 0};
  on.add("sink", sink, {"later"});
  on.build();
  on.give_many(30);
  CHECK(on.state("later").lane != on.state("source").lane);
  CHECK(on.dropped("later", SLUICE_DROP_OVERFLOW) == 21);  // nine: a tenth is priority 0's
  CHECK(on["sink"].got.size() == 9);
  CHECK(on["sink"].got.back().seq == 30);
  on.check_balance();
}

TEST_CASE("a block queue loses nothing: what is before it is not stepped while it is full") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"}).queue =
      config::queue_spec{4, 1 << 20, config::when_full::block, 0};
  bool ready = false;
  on["sink"].ready = [&](std::uint32_t, duration) { return ready ? 1u : 0u; };
  std::uint64_t pushed = 0;
  on["source"].timer = [&](time_point now) {
    on["source"].waiting.assign(2, {});
    on["source"].push_waiting();
    if (++pushed < 50) on["source"].host->wake_at(now);
  };
  on.build();
  on.give({});
  on.run->advance(500 * ms);
  CHECK(pushed == 2);
  on.check_balance();
  ready = true;
  on.run->advance(500 * ms);
  CHECK(pushed == 50);
  REQUIRE(on["sink"].got.size() == 100);
  for (std::uint64_t i = 0; i < 100; ++i) CHECK(on["sink"].got[i].seq == i + 1);
  on.check_balance();
}

TEST_CASE("a transform sees what waits in the queue behind it, and what the sink has not done") {
  rig on;
  on.add("source", source);
  on.add("first", transform, {"source"});
  on.add("inline", plain, {"first"});
  on.add("sink", sink, {"inline"}).queue->records = 100;
  on.add("lonely", transform, {"source"});
  std::uint32_t taking = 0;
  on["sink"].ready = [&](std::uint32_t, duration) { return taking; };
  std::uint64_t call = 0;
  on["sink"].process = [&](batch& records) {
    call = records.call();
    for (const record& each : records) records.pending(each);
    taking = 0;
  };
  on.build();
  const auto look = [&] {
    const call_scope here = on.in_call("first");
    return on["first"].host->downstream().value();
  };
  CHECK(look().pending == 0);
  CHECK(look().fill == 0);
  on.give_many(40);
  CHECK(look().pending == 40);
  CHECK(look().fill == doctest::Approx(0.4));
  CHECK(look().free_records == 50);  // a tenth is kept for priority 0
  taking = 30;
  on.run->advance(200 * ms);
  CHECK(look().pending == 40);  // 30 unacknowledged
  CHECK(look().fill == doctest::Approx(0.1));
  on["sink"].timer = [&](time_point) {
    on["sink"].host->report({0, SLUICE_PUBLISHED, 0, 25, call, 0, on.run->now(), on.run->now(), 1});
  };
  on.wake("sink");
  on.run->settle();
  CHECK(look().pending == 15);
  const call_scope here = on.in_call("lonely");
  CHECK_FALSE(on["lonely"].host->downstream().has_value());
}

TEST_CASE("a small queue's share is of the bound that is nearer, records or bytes") {
  rig on;
  on.add("source", source);
  on.add("first", transform, {"source"});
  config::queue_spec& queue = *on.add("sink", sink, {"first"}).queue;
  queue.records = 1'000;
  queue.bytes = 192 * 100;
  on["sink"].ready = [&](std::uint32_t, duration) { return 0u; };
  on.build();
  on.give_many(50);
  const call_scope here = on.in_call("first");
  CHECK(on["first"].host->downstream()->fill == doctest::Approx(0.5));
  CHECK(on["first"].host->downstream()->free_bytes == 192 * 40);
}

TEST_CASE("shards split by key, keep order per key, drain and add up") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"}).shards = 3;
  on.build();
  for (int round = 0; round < 20; ++round)
    for (std::uint64_t key = 0; key < 30; ++key) on["source"].waiting.push_back({key});
  on.give({});
  std::map<std::uint64_t, std::string> home;
  std::uint64_t total = 0, used = 0;
  for (const std::string name : {"sink/0", "sink/1", "sink/2"}) {
    std::map<std::uint64_t, std::uint64_t> last;
    used += on[name].got.empty() ? 0 : 1;
    for (const taken& each : on[name].got) {
      CHECK(home.emplace(each.key, name).first->second == name);
      CHECK(each.seq == ++last[each.key]);
      ++total;
    }
  }
  CHECK(total == 600);
  CHECK(used == 3);
  on.check_balance();
  CHECK(on.drain());
  on.check_balance();
}

TEST_CASE("each shard has the guard's copy before it") {
  rig on;
  on.add("source", source);
  on.add("guard", guard, {"source"});
  on.add("sink", sink, {"guard"}).shards = 2;
  on.build();
  for (std::uint64_t key = 0; key < 30; ++key) on["source"].waiting.push_back({key});
  on.give({});
  CHECK(on["sink/0"].got.size() + on["sink/1"].got.size() == 30);
  CHECK(on.state("guard/0").count.out == on["sink/0"].got.size());
  CHECK(on.state("guard/1").lane == on.state("sink/1").lane);
  on.check_balance();
}

TEST_CASE("where: by schema and by attribute, as the table is now") {
  rig on;
  on.add("source", source);
  on.add("options", sink, {"source"}).inputs[0].where.attributes = {{"type", {"options", "x"}}};
  on.add("orders", sink, {"source"}).inputs[0].where.schemas = {"order/1"};
  on.build();
  on.give({{1}, {2}, {3, "", 1, 1, "order/1"}});
  CHECK(on.words("options") == "");
  CHECK(on.words("orders") == "3:1");
  CHECK(on.dropped("source", SLUICE_DROP_UNROUTED) == 2);

  publish_types(on, {{1, "options"}, {2, "futures"}});
  on.give({{1}, {2}});
  CHECK(on.words("options") == "1:2");
  publish_types(on, {{2, "options"}});
  on.give({{1}, {2}});
  CHECK(on.words("options") == "2:3");
  on.check_balance();
}

TEST_CASE("attributes published by a call hold for what the same call pushes") {
  rig on;
  on.add("source", source);
  on.add("options", sink, {"source"}).inputs[0].where.attributes = {{"type", {"options"}}};
  on["source"].timer = [&](time_point) {
    publish_types(on, {{1, "options"}});
    on["source"].push_waiting();
  };
  on.build();
  on.give({{1}, {2}});
  CHECK(on.words("options") == "1:1");
}

TEST_CASE("what a lane takes has the attributes it came with, also if its step had begun before") {
  rig on;
  on.add("source", source);
  on.add("look", plain, {"source"}).queue = config::queue_spec{};
  on.add("sink", sink, {"look"});
  std::vector<std::string> seen;
  const auto look_at = [&](const std::string& stage) {
    return [&, stage](batch& records) {
      for (const record& each : records)
        seen.emplace_back(stage).append(":").append(on[stage].host->attribute(each, "type"));
    };
  };
  // As another thread would: while the step of the lane goes on.
  const auto send = [&](std::uint64_t key, const char* type) {
    publish_types(on, {{key, type}});
    const call_scope here = on.in_call("source");
    on["source"].waiting.push_back({key});
    on["source"].push_waiting();
  };
  on["look"].process = look_at("look");
  on["sink"].process = look_at("sink");
  on["look"].timer = [&](time_point) { send(1, "first"); };
  on.build();
  on.wake("look");
  on.run->settle();
  CHECK(seen == std::vector<std::string>{"look:first", "sink:first"});

  seen.clear();
  on["sink"].ready = [&, asked = 0](std::uint32_t, duration) mutable {
    if (++asked == 1) publish_types(on, {{1, "second"}});
    return std::uint32_t{SLUICE_BATCH_MAX};
  };
  on.give({{1}});
  CHECK(seen == std::vector<std::string>{"look:first", "sink:second"});
}

TEST_CASE("within a batch the table does not change; what was borrowed stays") {
  rig on;
  on.add("source", source);
  on.add("look", plain, {"source"});
  on.add("sink", sink, {"look"});
  std::vector<std::string> seen;
  const auto* table = static_cast<const sluice_attributes*>(nullptr);
  on["look"].process = [&](batch& records) {
    const host by = *on["look"].host;
    table = by.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES);
    const sluice_str before = table->get(by.raw(), records[0].index, borrow("type"));
    publish_types(on, {{1, "second"}});
    seen.emplace_back(view(table->get(by.raw(), records[0].index, borrow("type"))));
    seen.emplace_back(view(before));
  };
  on.build();
  publish_types(on, {{1, "first"}});
  on.give({{1}});
  CHECK(seen == std::vector<std::string>{"first", "first"});
}

TEST_CASE("keys beyond max_keys are dropped as overflow and told once") {
  rig on;
  on.spec.max_keys = 2;
  on.add("source", source);
  on.add("sink", sink, {"source"});
  on.build();
  on.give({{1}, {2}, {3}, {1}, {4}});
  on.give({{3}});
  CHECK(on.words() == "1:1 2:1 1:2");
  CHECK(on.dropped("source", SLUICE_DROP_OVERFLOW) == 3);
  std::size_t told = 0;
  for (const event& each : on.run->running().events(0)) told += each.kind == "keys" ? 1 : 0;
  CHECK(told == 1);
  CHECK(on.run->read().keys == 2);
  on.check_balance();
}

TEST_CASE("attributes of more keys than there may be: those that fit are published") {
  rig on;
  on.spec.max_keys = 2;
  on.add("source", source);
  on.add("options", sink, {"source"}).inputs[0].where.attributes = {{"type", {"options"}}};
  sluice_status status = SLUICE_OK;
  on["source"].start = [&] {
    const sluice_str name = borrow("type"), value = borrow("options");
    const sluice_key_row rows[] = {{1, &value}, {2, &value}, {3, &value}};
    const host by = *on["source"].host;
    const auto* table = by.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES);
    status = table->publish(by.raw(), &name, 1, rows, 3);
  };
  on.build();
  CHECK(status == SLUICE_FULL);
  on.give({{1}, {2}, {3}});
  CHECK(on.words("options") == "1:1 2:1");
  CHECK(on.dropped("source", SLUICE_DROP_OVERFLOW) == 1);
  on.check_balance();
}

TEST_CASE("the ledger's check can fail: a count that is wrong is seen") {
  rig on;
  on.add("source", source);
  on.add("filter", plain, {"source"});
  on.add("sink", sink, {"filter"});
  on.build();
  on.give({{1}, {2}});
  on.check_balance();
  // A stage that let a record vanish; seen once its lane publishes again.
  on.run->running().find("filter")->count.out += 1;
  on.give({{1}});
  CHECK(on.run->read().imbalance == 2);  // the stage, and what it sent on
  CHECK(on.state("filter").imbalance == -1);
  on.run->running().find("filter")->count.out -= 1;
  on.run->running().find("sink")->count.published -= 1;
  on.give({{1}});
  CHECK(on.state("filter").imbalance == 0);
  CHECK(on.state("sink").imbalance == 1);
  CHECK(on.run->read().imbalance == 1);
}

}  // namespace graph_test
