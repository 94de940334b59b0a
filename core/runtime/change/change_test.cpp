// Changes of a running pipeline: what a receipt says is what became of the records.
#include "config/load.hpp"
#include "runtime/test_rig.hpp"

#include <sluice/config.hpp>
#include <sluice/state.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

namespace sluice::runtime::test::change_test {

namespace {

/// Keeps each `every`th record: a live row, a row that is not, a state.
struct counter {
  struct config {
    std::uint32_t every = 0, start = 0;
  };
  static constexpr auto fields =
      sluice::fields(sluice::field<&config::every>("every", "Which are kept.")
                         .by_default("1")
                         .between(1, 9)
                         .live(),
                     sluice::field<&config::start>("start", "Where it begins to count.")
                         .by_default("0")
                         .between(0, 9));
  static constexpr description about{"counter", "1.0.0", "Counts."};
  static constexpr std::string_view state_schema = "counter/1";
  counter(const config& given, sluice::host) : count_{given.start}, every_{given.every} {
    if (given.start == 9) throw std::runtime_error{"cannot begin at nine"};
  }
  void process(batch& records) {
    for (const record& each : records)
      if (++count_ % every_ != 0) records.drop(each, reason::sampled);
  }
  void self_test() {
    if (count_ == 8) throw std::runtime_error{"eight is not for me"};
  }
  void save(state_writer& out) { out.put(count_); }
  void load(state_reader& in) { count_ = in.get<std::uint64_t>(); }
  void reconfigure(const config& given) {
    if (given.every == 8) throw std::runtime_error{"not eight"};
    every_ = given.every;
  }
  std::uint64_t count_ = 0;
  std::uint32_t every_;
};

struct named_counter : counter {
  using counter::counter;
};

/// Reads the counter's state, and fails its first batch.
struct failing : counter {
  using counter::counter;
  static constexpr description about{"failing", "2.0.0", "Fails."};
  void process(batch&) { throw std::runtime_error{"not this one"}; }
};

/// Knows no state.
struct stateless {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"stateless", "3.0.0", "Keeps all."};
  stateless(const config&, sluice::host) {}
  void process(batch&) {}
};

/// Holds what it is given until its timer.
struct keeper {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"keeper", "1.0.0", "Keeps for later.", SLUICE_TRANSFORM,
                                     SLUICE_CAN_HOLD};
  static constexpr std::string_view state_schema = "keeper/1";
  keeper(const config&, sluice::host by) : host_{by} {}
  void process(batch& records) {
    for (const record& each : records) held_.push_back(records.hold(each).handle);
    host_.wake_at(host_.now() + std::chrono::milliseconds{100});
  }
  void on_timer(time_point) { release(0); }
  void release(float weight) {
    for (const std::uint64_t each : held_) host_.release({each}, SLUICE_AT_END, weight);
    held_.clear();
  }
  void save(state_writer& out) { out.put(held_); }
  void load(state_reader& in) { held_ = in.get<std::vector<std::uint64_t>>(); }
  sluice::host host_;
  std::vector<std::uint64_t> held_;
};

/// Releases what it took over with another weight, and fails then.
struct hasty : keeper {
  using keeper::keeper;
  static constexpr description about{"hasty", "2.0.0", "Gives away.", SLUICE_TRANSFORM,
                                     SLUICE_CAN_HOLD};
  void process(batch&) {
    release(5);
    throw std::runtime_error{"too hasty"};
  }
};

std::shared_ptr<const config::values> settings(const sluice_plugin& of, std::string_view text) {
  return config::load_settings(of, text, [](std::string_view) { return std::nullopt; });
}

/// source -> first -> second -> sink, each of the two a counter.
struct changes : rig {
  changes() {
    add("source", source);
    put(add("first", &plugin_of<counter>, {"source"}), "");
    put(add("second", &plugin_of<counter>, {"first"}), "");
    add("sink", sink, {"second"});
    spec.hash = "before";
    build();
    next = spec;
    next.hash = "after";
  }
  static void put(config::stage_spec& into, std::string_view text) {
    into.settings = settings(*into.plugin, text);
  }
  config::stage_spec& of(const std::string& name) {
    for (config::stage_spec& each : next.stages)
      if (each.name == name) return each;
    throw std::out_of_range{name};
  }
  void become(const std::string& name, const sluice_plugin& plugin, std::string_view text = "") {
    of(name).plugin = &plugin;
    put(of(name), text);
  }
  receipt change(const change_options& with = {}) { return run->change(next, with); }
  /// How many of six records reach the sink.
  std::size_t passed() {
    plays["sink"].got.clear();
    give_many(6);
    check_balance();
    return plays["sink"].got.size();
  }

  config::pipeline_spec next;
};

}  // namespace

TEST_CASE("change: nothing differs, nothing is done") {
  changes all;
  const receipt told = all.change();
  CHECK(told.done);
  CHECK(told.stages.empty());
  CHECK(all.passed() == 6);
}

TEST_CASE("change: a live row is set in place, another by an exchange with its state") {
  changes all;
  CHECK(all.passed() == 6);
  changes::put(all.of("first"), "every = 4");
  const receipt live = all.change();
  CHECK(live.error == "");
  REQUIRE(live.stages.size() == 1);
  CHECK(live.stages[0].what == config::change::reconfigure);
  CHECK(live.stages[0].done);
  CHECK(live.hash == "after");
  CHECK(all.run->read().config_hash == "after");
  CHECK(all.passed() == 2);  // the 8th and the 12th

  changes::put(all.of("first"), "every = 4\nstart = 1");
  const receipt made = all.change();
  CHECK(made.error == "");
  REQUIRE(made.stages.size() == 1);
  CHECK(made.stages[0].what == config::change::swap);
  CHECK(made.stages[0].state == "counter/1");
  CHECK(made.stages[0].state_bytes > 0);
  CHECK(made.stages[0].lost == 0);
  CHECK(all.passed() == 1);  // the 16th: the count went over
  CHECK(all.run->read().changes_done == 2);
}

TEST_CASE("change: what fails before it is in place leaves all as it was") {
  changes all;
  const auto refused = [&](const std::string& why) {
    const receipt told = all.change();
    CHECK_FALSE(told.done);
    CHECK(told.error == why);
    CHECK(told.hash == "before");
    for (const stage_receipt& each : told.stages) CHECK_FALSE(each.done);
    CHECK(all.run->read().config_hash == "before");
    CHECK(all.passed() == 6);
  };
  changes::put(all.of("first"), "every = 3");
  changes::put(all.of("second"), "start = 9");
  refused("second: cannot begin at nine");
  changes::put(all.of("second"), "start = 8");
  refused("counter 1.0.0: self_test: eight is not for me");
  all.become("second", plugin_of<stateless>);
  refused(
      "second: stateless 3.0.0 cannot read the state counter/1 of counter 1.0.0: --lose-state lets "
      "it go");
  changes::put(all.of("first"), "every = 8");
  all.become("second", plugin_of<counter>);
  refused("counter 1.0.0: reconfigure: not eight");
  CHECK(all.run->read().changes_refused == 4);
}

TEST_CASE("change: of several stages all are changed or none is") {
  changes all;
  CHECK(all.passed() == 6);
  changes::put(all.of("first"), "every = 3\nstart = 1");
  all.become("second", plugin_of<failing>);
  all.spec = all.next;
  // The first batch comes while the change waits for it.
  all.plays["source"].waiting.assign(6, given{});
  all.wake("source", all.plays["source"].host->now() + std::chrono::milliseconds{5});
  all.plays["sink"].got.clear();
  const receipt told = all.change();
  CHECK_FALSE(told.done);
  CHECK(told.error.find("failing 2.0.0: first batch: not this one") != std::string::npos);
  CHECK(all.plays["sink"].got.size() == 2);  // the old second one took what the new first one kept
  all.check_balance();
  CHECK(all.run->read().config_hash == "before");
  CHECK(all.passed() == 6);  // and the first is as it was, too
  CHECK(all.state("second").plugin == "counter");
}

TEST_CASE("change: what a failed first batch released is held again, with its weight") {
  changes all;
  all.become("first", plugin_of<keeper>);
  change_options with;
  with.lose_state = true;
  CHECK(all.change(with).error == "");
  all.give_many(3);
  CHECK(all.state("first").held == 3);
  all.become("first", plugin_of<hasty>);
  all.plays["source"].waiting.assign(1, given{});
  all.wake("source", all.plays["source"].host->now() + std::chrono::milliseconds{5});
  const receipt told = all.change();
  CHECK(told.error.find("too hasty") != std::string::npos);
  CHECK(all.plays["sink"].got.empty());
  CHECK(all.state("first").held == 4);
  all.run->advance(200 * ms);
  REQUIRE(all.plays["sink"].got.size() == 4);
  for (const taken& each : all.plays["sink"].got) CHECK(each.weight == 1);
  all.check_balance();
}

TEST_CASE("change: what is asked for before the lanes have begun waits for them") {
  changes all;
  current_scripts = &all.plays;
  all.run.emplace(all.spec, 1, [](std::uint32_t, std::string_view, std::string_view) {});
  changes::put(all.of("first"), "every = 3\nstart = 1");
  CHECK(all.change().error == "");
  CHECK(all.passed() == 2);
}

TEST_CASE("change: only one stage, and anew if nothing differs") {
  changes all;
  changes::put(all.of("first"), "every = 3");
  changes::put(all.of("second"), "every = 2");
  change_options with;
  with.only = "second";
  CHECK(all.change(with).stages.size() == 1);
  CHECK(all.passed() == 3);
  const receipt anew = all.change(with);
  CHECK(anew.error == "");
  REQUIRE(anew.stages.size() == 1);
  CHECK(anew.stages[0].what == config::change::swap);
  CHECK(all.passed() == 3);
}

TEST_CASE("change: a dry run tests the new one and touches nothing") {
  changes all;
  changes::put(all.of("first"), "start = 3");
  change_options with;
  with.dry_run = true;
  const receipt told = all.change(with);
  CHECK(told.done);
  CHECK(told.dry_run);
  REQUIRE(told.stages.size() == 1);
  CHECK_FALSE(told.stages[0].done);
  CHECK(all.run->read().config_hash == "before");
  changes::put(all.of("first"), "start = 8");
  CHECK(all.change(with).error == "counter 1.0.0: self_test: eight is not for me");
  CHECK(all.run->read().changes_done + all.run->read().changes_refused == 0);
}

TEST_CASE("change: state goes if it is told to") {
  changes all;
  all.become("first", plugin_of<stateless>);
  change_options with;
  with.lose_state = true;
  const receipt told = all.change(with);
  CHECK(told.error == "");
  CHECK(told.stages.at(0).state == "");
  CHECK(told.stages.at(0).from == "counter 1.0.0");
  CHECK(told.stages.at(0).to == "stateless 3.0.0");
  CHECK(all.state("first").plugin == "stateless");
  CHECK(all.passed() == 6);
}

TEST_CASE("change: switched off and on again") {
  changes all;
  changes::put(all.of("first"), "every = 3");
  all.change();
  all.of("first").bypassed = true;
  CHECK(all.change().stages.at(0).what == config::change::switch_off);
  CHECK(all.passed() == 6);
  CHECK(all.state("first").bypassed);
  all.of("first").bypassed = false;
  CHECK(all.change().stages.at(0).what == config::change::switch_on);
  CHECK(all.passed() == 2);
  CHECK_FALSE(all.state("first").bypassed);
}

TEST_CASE("change: what needs a restart is refused by name, and nothing is changed") {
  changes all;
  changes::put(all.of("first"), "every = 3");
  all.next.max_keys = 7;
  CHECK(all.change().error == "pipeline.max_keys: 16384 -> 7 needs a restart");
  CHECK(all.passed() == 6);
}

TEST_CASE("change: the level's own keys are taken over") {
  changes all;
  all.next.level.mode = config::level_mode::never;
  const receipt told = all.change();
  CHECK(told.pipeline == std::vector<std::string>{"level.mode"});
  CHECK(all.run->running().spec().level.mode == config::level_mode::never);
}

TEST_CASE("change: a sink hands its queue over when what it sent is answered") {
  rig all;
  all.add("source", source);
  all.add("sink", sink, {"source"});
  std::uint32_t most = 1;
  all["sink"].ready = [&](std::uint32_t, duration) { return most; };
  all["sink"].timer = [&](time_point) { all["sink"].host->wake_at(all["sink"].host->now()); };
  all.build();
  config::pipeline_spec next = all.spec;
  change_options with;
  with.only = "sink";
  all.give_many(3);
  most = 0;
  all.give_many(4);
  CHECK(all.state("sink").held == 4);
  const receipt refused = all.run->change(next, with);
  CHECK(refused.error == "scripted 1.0.0: was not ready within 5 s");
  CHECK(all.state("sink").held == 4);
  most = 1;
  const receipt told = all.run->change(next, with);
  CHECK(told.error == "");
  CHECK(told.stages.at(0).unknown == 0);
  CHECK(told.stages.at(0).lost == 0);
  all.run->settle();
  CHECK(all.plays["sink"].got.size() == 7);
  all.check_balance();
}

namespace {

/// A sink that sends what it gets and answers it when its drain has lasted for `answers_after`.
struct sending : rig {
  explicit sending(std::int64_t answers_after) {
    add("source", source);
    add("sink", sink, {"source"});
    script& play = (*this)["sink"];
    play.process = [this](batch& records) {
      for (const record& each : records) records.pending(each);
      call = records.call();
      by = plays["sink"].host;  // the next object's host takes that place
    };
    play.drain = [this, answers_after](time_point) {
      const std::int64_t now = by->now().time_since_epoch().count();
      if (began == 0) began = now;
      if (now < began + answers_after) return false;
      by->report({0, SLUICE_PUBLISHED, SLUICE_CAUSE_NONE, 3, call, 0, now, now, 1});
      return true;
    };
    build();
    give_many(3);
    CHECK(state("sink").held == 3);
  }
  stage_receipt exchange_sink() {
    change_options with;
    with.only = "sink";
    const receipt told = run->change(spec, with);
    CHECK(told.error == "");
    check_balance();
    return told.stages.at(0);
  }

  std::optional<sluice::host> by;
  std::uint64_t call = 0;
  std::int64_t began = 0;
};

}  // namespace

TEST_CASE("change: a sink's own timeout says for how long its answers are waited for") {
  sending all{2'500 * ms};
  const stage_receipt told = all.exchange_sink();
  CHECK(told.unknown == 0);
  CHECK(told.lost == 0);
  CHECK(told.pause_ns == 2'500 * ms);
  CHECK(all.state("sink").count.published == 3);
}

TEST_CASE("change: what nobody answers within the drain limit is unknown, by the receipt") {
  sending all{3'600'000 * ms};
  const stage_receipt told = all.exchange_sink();
  CHECK(told.unknown == 3);
  CHECK(told.lost == 0);
  CHECK(told.pause_ns == all.spec.drain_limit_ns);
  CHECK(all.state("sink").count.unknown == 3);
  all.plays["sink"].process = nullptr;
  all.give_many(2);
  CHECK(all.words() == "1:4 1:5");
  all.check_balance();
}

TEST_CASE("change: who asked for it tells a refusal, and nobody else") {
  changes all;
  changes::put(all.of("second"), "start = 9");
  CHECK(all.change().error == "second: cannot begin at nine");
  for (const event& each : all.run->running().events(0))
    CHECK(each.message.find("cannot begin at nine") == std::string::npos);
}

TEST_CASE("change: a source is exchanged with a gap alone") {
  rig all;
  all.add("source", source);
  all.add("sink", sink, {"source"});
  all.build();
  change_options with;
  with.only = "source";
  CHECK(all.run->change(all.spec, with).error ==
        "source: a source stops before the new one starts, which leaves a gap: --allow-gap lets "
        "it");
  with.allow_gap = true;
  all.give({{.key = 5}});
  CHECK(all.run->change(all.spec, with).error == "");
  all.give({{.key = 5}});
  CHECK(all.words() == "5:1 5:2");  // seq goes on
  all.check_balance();
}

TEST_CASE("trial: confirmed it stays, else all is put back") {
  changes all;
  changes::put(all.of("first"), "every = 3\nstart = 1");
  change_options with;
  with.trial_ns = 2'000 * ms;
  CHECK(all.change(with).done);
  CHECK(all.change(with).error.find("another change is on trial") == 0);
  CHECK(all.run->confirm());
  CHECK_FALSE(all.run->confirm());
  all.run->advance(5'000 * ms);
  CHECK(all.run->read().config_hash == "after");

  all.next = all.run->running().spec();
  all.next.hash = "third";
  changes::put(all.of("second"), "start = 2");
  CHECK(all.change(with).done);
  CHECK(all.run->read().config_hash == "third");
  all.run->advance(1'500 * ms);
  CHECK(all.run->read().config_hash == "third");
  all.run->advance(1'000 * ms);
  CHECK(all.run->read().config_hash == "after");
  CHECK_FALSE(all.run->confirm());
}

TEST_CASE("trial: a level that gets worse ends it at once, one that was bad does not") {
  changes all;
  const auto signal = [&](level at) {
    const call_scope here = all.in_call("source");
    all["source"].host->signal("feed", at, "as told");
  };
  signal(level::warning);
  all.run->advance(200 * ms);
  changes::put(all.of("first"), "every = 3");
  change_options with;
  with.trial_ns = 60'000 * ms;
  CHECK(all.change(with).done);
  all.run->advance(1'000 * ms);
  CHECK(all.run->read().config_hash == "after");
  signal(level::critical);
  all.run->advance(200 * ms);
  CHECK(all.run->read().config_hash == "before");
  CHECK(all.passed() == 6);
  CHECK_FALSE(all.run->confirm());
  const auto events = all.run->running().events(0);
  CHECK(std::any_of(events.begin(), events.end(), [](const event& each) {
    return each.message == "ends, all is put back: the level got worse";
  }));
}

TEST_CASE("trial: a stage that faults ends it at once") {
  changes all;
  all.become("second", plugin_of<failing>);
  change_options with;
  with.trial_ns = 60'000 * ms;
  CHECK(all.change(with).done);  // no batch has come yet
  CHECK(all.state("second").plugin == "failing");
  CHECK(all.passed() == 6);  // the old one ran it
  all.run->advance(200 * ms);
  CHECK(all.state("second").plugin == "counter");
  CHECK(all.run->read().config_hash == "before");
  CHECK_FALSE(all.run->confirm());
  CHECK(all.passed() == 6);
}

}  // namespace sluice::runtime::test::change_test
