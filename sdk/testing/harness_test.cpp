#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using sluice::testing::harness;

namespace {

/// Keeps what is at least `minimum` long; the ten-line stage of the README.
struct length_filter {
  struct config {
    int minimum = 0;
  };
  static constexpr auto fields = sluice::fields(
      sluice::field<&config::minimum>("minimum", "Shortest payload kept.").by_default("3"));
  static constexpr sluice::description about{"length_filter", "1.0.0", "Keeps long payloads."};
  length_filter(const config& given, sluice::host) : minimum_{given.minimum} {}
  void process(sluice::batch& batch) {
    for (const sluice::record& each : batch)
      if (each.size < static_cast<std::uint32_t>(minimum_))
        batch.drop(each, sluice::reason::sampled);
  }
  int minimum_;
};

/// Holds each record for `delay`, then releases it; everything a transform can do but absorb.
struct delayer {
  struct config {
    sluice::duration delay{};
  };
  static constexpr auto fields = sluice::fields(
      sluice::field<&config::delay>("delay", "How long a record is held.").by_default("1s"));
  static constexpr sluice::description about{"delayer", "1.0.0", "Holds records for a while.",
                                             SLUICE_TRANSFORM, SLUICE_CAN_HOLD};
  delayer(const config& given, sluice::host host) : delay_{given.delay}, host_{host} {}
  void process(sluice::batch& batch) {
    for (const sluice::record& each : batch)
      if (const auto held = batch.hold(each)) held_.push_back({held, batch.now() + delay_});
    if (!held_.empty()) host_.wake_at(held_.front().second);
  }
  void on_timer(sluice::time_point now) { release_until(now); }
  bool drain(sluice::time_point) {
    release_until(sluice::never);
    return true;
  }
  void release_until(sluice::time_point now) {
    for (; !held_.empty() && held_.front().second <= now; held_.pop_front())
      host_.release(held_.front().first);
    if (!held_.empty()) host_.wake_at(held_.front().second);
  }
  static constexpr std::string_view state_schema = "delayer/1";
  void save(sluice::state_writer& out) {
    out.put(static_cast<std::uint32_t>(held_.size()));
    for (const auto& [held, until] : held_) {
      out.put(held.handle);
      out.put(until);
    }
  }
  void load(sluice::state_reader& in) {
    for (std::uint32_t left = in.size(16); left > 0; --left) {
      const sluice::held_record held{in.get<std::uint64_t>()};
      held_.push_back({held, in.get<sluice::time_point>()});
    }
  }
  void start() {
    if (!held_.empty()) host_.wake_at(held_.front().second);
  }
  sluice::duration delay_;
  sluice::host host_;
  std::deque<std::pair<sluice::held_record, sluice::time_point>> held_;
};

/// Keeps each `every`th record; a live row and a state.
struct counter {
  struct config {
    std::uint32_t every = 0;
  };
  static constexpr auto fields =
      sluice::fields(sluice::field<&config::every>("every", "Which are kept.")
                         .by_default("2")
                         .between(1, 9)
                         .live());
  static constexpr sluice::description about{"counter", "1.0.0", "Counts."};
  static constexpr std::string_view state_schema = "counter/1";
  counter(const config& given, sluice::host) : every_{given.every} {}
  void process(sluice::batch& batch) {
    for (const sluice::record& each : batch)
      if (++count_ % every_ != 0) batch.drop(each, sluice::reason::sampled);
  }
  void self_test() {
    if (every_ == 7) throw std::runtime_error{"seven is not for me"};
  }
  void save(sluice::state_writer& out) { out.put(count_); }
  void load(sluice::state_reader& in) { count_ = in.get<std::uint64_t>(); }
  void reconfigure(const config& given) {
    if (given.every == 8) throw std::runtime_error{"nor eight"};
    every_ = given.every;
  }
  std::uint64_t count_ = 0;
  std::uint32_t every_;
};

/// Another plugin of the same kind, which reads no state and fails its first batch.
struct failing_counter : counter {
  using counter::counter;
  static constexpr sluice::description about{"failing_counter", "2.0.0", "Fails."};
  static constexpr std::string_view state_schema = "other/1";
  void process(sluice::batch&) { throw std::runtime_error{"not this one"}; }
};

/// Throws when told to by a payload.
struct thrower {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"thrower", "1.0.0", "Throws.", SLUICE_TRANSFORM,
                                             SLUICE_CAN_EMIT};
  thrower(const config&, sluice::host host) : host_{host} {}
  void process(sluice::batch& batch) {
    for (const sluice::record& each : batch) {
      host_.emit(each, batch.number(each));
      if (each.size == 0) throw std::runtime_error{"an empty payload"};
    }
  }
  sluice::host host_;
};

/// A sink whose readiness throws.
struct unready {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"unready", "1.0.0", "Throws.", SLUICE_SINK};
  unready(const config&, sluice::host) {}
  void process(sluice::batch&) {}
  std::uint32_t ready(std::uint32_t, sluice::duration) { throw std::runtime_error{"not today"}; }
};

}  // namespace

TEST_CASE("a filter keeps and drops, and the ledger adds up") {
  harness run{sluice::plugin_of<length_filter>, "minimum = 2"};
  run.push({{.key = 1, .text = "a"}, {.key = 1, .text = "ab"}, {.key = 2, .text = "abc"}});
  const auto out = run.outputs();
  REQUIRE(out.size() == 2);
  CHECK(out[0].text == "ab");
  CHECK(out[0].seq == 2);  // numbered before any drop
  CHECK(out[1].seq == 1);
  CHECK(out[1].schema == "test/1");
  CHECK(run.count().dropped[SLUICE_DROP_SAMPLED] == 1);
  CHECK(run.balanced());
}

TEST_CASE("more than one batch is pushed whole") {
  harness run{sluice::plugin_of<length_filter>};
  run.push(std::vector<sluice::testing::input>(1000, {.key = 5, .text = "abcdef"}));
  const auto out = run.outputs();
  REQUIRE(out.size() == 1000);
  for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i].seq == i + 1);
}

TEST_CASE("settings are checked as in a pipeline file") {
  CHECK_THROWS_WITH_AS((harness{sluice::plugin_of<length_filter>, "minimun = 2"}),
                       doctest::Contains("minimum"), std::runtime_error);
}

TEST_CASE("held records are counted as held, come back on time, and drain") {
  harness run{sluice::plugin_of<delayer>, "delay = \"2s\""};
  run.push({{.key = 1, .text = "first"}, {.key = 1, .text = "second"}});
  CHECK(run.outputs().empty());
  CHECK(run.count().held == 2);
  CHECK(run.balanced());

  run.advance(1999ms);
  CHECK(run.outputs().empty());
  run.advance(1ms);
  CHECK(run.outputs().size() == 2);
  CHECK(run.count().held == 0);

  run.push({.key = 1, .text = "third"});
  CHECK(run.drain());
  CHECK(run.outputs().size() == 1);
  CHECK(run.balanced());
}

TEST_CASE("what a throwing call did is undone, its batch is dropped as fault") {
  harness run{sluice::plugin_of<thrower>};
  run.push({{.text = "fine"}, {.text = ""}});
  CHECK(run.outputs().empty());
  CHECK(run.faults() == 1);
  CHECK(run.count().dropped[SLUICE_DROP_FAULT] == 2);
  CHECK(run.count().created == 0);
  CHECK(run.balanced());

  run.push({.text = "fine"});
  const auto out = run.outputs();
  REQUIRE(out.size() == 2);  // the emitted copy leaves before its record
  CHECK(run.count().created == 1);
  CHECK(run.balanced());
}

TEST_CASE("three faults in ten seconds bypass a transform") {
  harness run{sluice::plugin_of<thrower>};
  for (int i = 0; i < 3; ++i) run.push({.text = ""});
  CHECK(run.faults() == 3);
  run.push({.text = ""});
  CHECK(run.outputs().size() == 1);
  CHECK(run.balanced());
  CHECK(run.events().back().kind == "bypass");
}

TEST_CASE("an injected failure of a host call reaches the stage and the ledger still adds up") {
  harness run{sluice::plugin_of<thrower>};
  run.fail_host_call(2);
  run.push({{.text = "a"}, {.text = "b"}});
  CHECK(run.faults() == 1);
  CHECK(run.balanced());
}

TEST_CASE("no exception leaves a call that has no status") {
  harness run{sluice::plugin_of<unready>};
  run.push({.text = "a"});
  CHECK(run.count().held == 1);
  const auto events = run.events();
  REQUIRE(!events.empty());
  CHECK(events.front().kind == "fault");
  CHECK(events.front().text == "not today");
}

/// Reads a field by name and an attribute of the key.
struct reader {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"reader", "1.0.0", "Reads fields."};
  /// Of the payload "name=number"; "?" is malformed.
  static constexpr sluice_codec codec{
      sizeof(sluice_codec), 1, sluice::borrow("test/1"),
      [](const sluice_record*, char*, std::uint64_t) -> std::uint64_t { return 0; },
      [](const sluice_record* from, sluice_str name, sluice_scalar* out) -> sluice_status {
        *out = {};
        const std::string text{reinterpret_cast<const char*>(from->data), from->size};
        const std::size_t at = text.find('=');
        if (text == "?") return SLUICE_FAILED;
        if (at == std::string::npos || text.substr(0, at) != sluice::view(name)) return SLUICE_OK;
        out->kind = SLUICE_IS_NUMBER;
        out->number = std::strtod(text.c_str() + at + 1, nullptr);
        return SLUICE_OK;
      }};
  static constexpr std::array codecs{&codec};
  reader(const config&, sluice::host given) : host_{given} {}
  void process(sluice::batch& records) {
    for (const sluice::record& each : records) {
      const auto field = host_.field(each, "price");
      const auto number = host_.number(each, "price");
      host_.info((field ? std::to_string(field->kind) : "malformed") + " " +
                 (number ? std::to_string(*number) : "none") + " " +
                 std::string{host_.attribute(each, "symbol")});
    }
    generations.push_back(host_.attributes_generation());
  }
  static inline std::vector<std::uint64_t> generations;
  sluice::host host_;
};

TEST_CASE("fields of a record and attributes of its key are read by name") {
  reader::generations.clear();
  harness run{sluice::plugin_of<reader>};
  run.attributes({"symbol"}, {{7, {"NIFTY"}}});
  run.push({.key = 7});
  run.push(
      {{.key = 7, .text = "price=1.5"}, {.text = "other=2"}, {.text = "?"}, {.text = "price=inf"}});
  run.attributes({"symbol"}, {{7, {"SENSEX"}}});
  run.push({.key = 7, .text = "price=2", .schema = "unknown/1"});
  std::vector<std::string> said;
  for (const auto& each : run.logs()) said.push_back(each.text);
  CHECK(said == std::vector<std::string>{"0 none NIFTY", "3 1.500000 NIFTY", "0 none ",
                                         "malformed none ", "3 none ", "0 none SENSEX"});
  CHECK(reader::generations[0] == reader::generations[1]);
  CHECK(reader::generations[1] < reader::generations[2]);
}

TEST_CASE("a swap carries state and what is held") {
  harness run{sluice::plugin_of<counter>, "every = 2"};
  run.push({.text = "a"});
  run.swap(sluice::plugin_of<counter>, "every = 2");
  run.push({.text = "b"});
  const auto out = run.outputs();
  REQUIRE(out.size() == 1);  // the first after the swap is the second in all
  CHECK(out[0].text == "b");

  harness delays{sluice::plugin_of<delayer>, "delay = \"2s\""};
  delays.push({.text = "held"});
  delays.swap(sluice::plugin_of<delayer>, "delay = \"5s\"");
  CHECK(delays.count().held == 1);
  delays.advance(2s);
  CHECK(delays.outputs().size() == 1);
  CHECK(delays.balanced());
}

TEST_CASE("a swap that is refused leaves the old one, and says why") {
  harness run{sluice::plugin_of<counter>, "every = 1"};
  CHECK_THROWS_WITH(run.swap(sluice::plugin_of<counter>, "every = 7"),
                    "counter 1.0.0: self_test: seven is not for me");
  CHECK_THROWS_WITH(run.swap(sluice::plugin_of<unready>),
                    "a sink cannot take the place of a transform");
  CHECK_THROWS_WITH_AS(run.swap(sluice::plugin_of<counter>, "every = 99"),
                       doctest::Contains("between 1 and 9"), std::runtime_error);
  run.push({.text = "a"});
  CHECK(run.outputs().size() == 1);

  run.swap(sluice::plugin_of<failing_counter>, "every = 1");
  run.push({.text = "b"});
  CHECK(run.outputs().size() == 1);  // by the old one
  CHECK(run.events().back().kind == "swap_reverted");
  CHECK(run.balanced());
  CHECK(run.drain());
  CHECK_THROWS_WITH(run.swap(sluice::plugin_of<counter>), "the stage has ended");
}

/// A sink whose calls are answered a second later, or in its drain.
struct slow_sink {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"slow_sink", "1.0.0", "Takes its time.", SLUICE_SINK};
  slow_sink(const config&, sluice::host given) : host_{given} {}
  void process(sluice::batch& records) {
    for (const sluice::record& each : records) records.pending(each);
    calls_.emplace_back(records.call(), records.size());
    host_.wake_at(records.now() + 1s);
  }
  void on_timer(sluice::time_point) { answer(); }
  bool drain(sluice::time_point) {
    if (waits) return false;
    return answer(), true;
  }
  void answer() {
    for (const auto& [call, count] : std::exchange(calls_, {})) {
      sluice_outcome made{};
      made.call = call;
      made.count = count;
      host_.report(made);
    }
  }
  static inline bool waits = false;
  sluice::host host_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> calls_;
};

TEST_CASE("a sink that is swapped finishes its calls, or they are unknown a second later") {
  harness run{sluice::plugin_of<slow_sink>};
  run.push({.text = "a"});
  CHECK(run.count().held == 1);
  run.swap(sluice::plugin_of<slow_sink>);
  CHECK(run.count().published == 1);

  slow_sink::waits = true;
  run.push({.text = "b"});
  const sluice::time_point before = run.now();
  run.swap(sluice::plugin_of<slow_sink>);
  slow_sink::waits = false;
  CHECK(run.now() - before >= 900ms);
  CHECK(run.count().published + run.count().unknown == 2);
  run.push({.text = "c"});
  CHECK(run.drain());
  CHECK(run.count().in == 3);
  CHECK(run.count().held == 0);
  CHECK(run.balanced());
}

TEST_CASE("live rows change while it runs, or nothing does") {
  harness run{sluice::plugin_of<counter>, "every = 1"};
  CHECK_THROWS_WITH(run.reconfigure("every = 8"), "nor eight");
  run.push({.text = "a"});
  CHECK(run.outputs().size() == 1);
  run.reconfigure("every = 3");
  run.push({{.text = "b"}, {.text = "c"}, {.text = "d"}});
  const auto out = run.outputs();
  REQUIRE(out.size() == 1);
  CHECK(out[0].text == "c");
  harness other{sluice::plugin_of<length_filter>};
  CHECK_THROWS_WITH(other.reconfigure("minimum = 1"), "the plugin has no reconfigure");
}
