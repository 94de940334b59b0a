// Changes of a pipeline whose lanes have threads.
#include "config/load.hpp"
#include "plugin/within_limit.hpp"
#include "thread_rig.hpp"

#include <sluice/config.hpp>
#include <sluice/state.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

namespace {

/// A transform with a state that fails where it is told to: throws, or never returns.
struct troublesome {
  struct config {
    std::string fails;
    bool hangs = false;
  };
  static constexpr auto fields =
      sluice::fields(sluice::field<&config::fails>("fails", "In which of its functions.")
                         .by_default("nowhere")
                         .one_of("nowhere|create|self_test|import|batch"),
                     sluice::field<&config::hangs>("hangs", "And does not come back from it.")
                         .by_default("false"));
  static constexpr description about{"troublesome", "1.0.0", "Fails."};
  static constexpr std::string_view state_schema = "troublesome/1";
  troublesome(const config& given, sluice::host) : given_{given} { at("create"); }
  void process(batch& records) {
    if (given_.fails == "batch" && ++batches_ == 1) throw std::runtime_error{"batch: as told"};
    seen_ += records.size();
  }
  void self_test() { at("self_test"); }
  void save(state_writer& out) { out.put(seen_); }
  void load(state_reader& in) {
    seen_ = in.get<std::uint64_t>();
    at("import");
  }
  void at(std::string_view where) const {
    if (given_.fails != where) return;
    while (given_.hangs) pause();
    throw std::runtime_error{std::string{where} + ": as told"};
  }
  const config given_;
  std::uint64_t seen_ = 0, batches_ = 0;
};

std::shared_ptr<const config::values> settings(std::string_view text) {
  return config::load_settings(plugin_of<troublesome>, text,
                               [](std::string_view) { return std::nullopt; });
}

/// source -> stage -> sink, at full speed; every queue blocks, so that nothing may be lost.
struct busy {
  busy() {
    on.add("source", io_source);
    auto& stage = on.add("stage", &plugin_of<troublesome>, {"source"});
    stage.settings = settings("");
    on.add("sink", sink, {"stage"}).queue =
        config::queue_spec{1000, 1 << 20, config::when_full::block, 0};
    on["sink"].process = [this](batch& records) {
      // Without end: the test keeps no record, but looks at each.
      for (const record& each : records) {
        std::uint64_t& before = last[{each.key, each.priority}];
        disorder += each.seq != before + 1 ? 1 : 0;
        before = each.seq;
      }
    };
    feed = std::make_unique<fast_source>(on["source"], UINT64_MAX);
    pipe = std::make_unique<running>(on, time);
  }
  receipt change(std::string_view text) {
    std::promise<receipt> told;
    change_options with;
    with.only = "stage";
    pipe->run.change(
        [&](const config::pipeline_spec& now) {
          config::pipeline_spec next = now;
          next.stages[1].settings = settings(text);
          return next;
        },
        with, [&](const receipt& made) { told.set_value(made); });
    return told.get_future().get();
  }
  std::uint64_t created() { return pipe->run.read().total.created; }
  void end() {
    pipe->run.begin_drain();
    REQUIRE(pipe->until([&] { return pipe->run.stopped(); }));
    const snapshot seen = pipe->run.read();
    CHECK(seen.imbalance == 0);
    CHECK(seen.total.created == seen.total.published);
    CHECK(disorder == 0);
  }

  rig on;
  std::map<std::pair<std::uint64_t, std::uint8_t>, std::uint64_t> last;
  std::uint64_t disorder = 0;
  std::unique_ptr<fast_source> feed;
  system_clock time;
  std::unique_ptr<running> pipe;
};

/// In a process of its own, as what hangs is there for good. `body` says what is wrong, if
/// anything.
void in_child(const std::function<std::string()>& body) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string wrong = body();
    if (wrong.empty()) _exit(0);
    std::fprintf(stderr, "%s\n", wrong.c_str());
    _exit(1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

}  // namespace

TEST_CASE("threads: swaps at full speed lose nothing, and keep order and state") {
  busy all;
  for (int i = 0; i < 100; ++i) {
    const receipt told = all.change("");
    REQUIRE(told.error == "");
    REQUIRE(told.stages.size() == 1);
    CHECK(told.stages[0].proven);
    CHECK(told.stages[0].state == "troublesome/1");
  }
  CHECK(all.pipe->run.read().changes_done == 100);
  all.end();
}

TEST_CASE("threads: one that throws leaves the old one as it was, wherever it does") {
  busy all;
  for (const std::string where : {"create", "self_test", "import", "batch"}) {
    for (int i = 0; i < 100; ++i) {
      const receipt told = all.change("fails = \"" + where + "\"");
      CHECK_FALSE(told.done);
      REQUIRE(told.error.find(where + ": as told") != std::string::npos);
    }
  }
  const std::uint64_t before = all.created();
  CHECK(all.pipe->until([&] { return all.created() > before; }));
  CHECK(all.pipe->run.read().changes_refused == 400);
  all.end();
}

TEST_CASE("threads: one that hangs is left behind by name, and the old one goes on") {
  in_child([]() -> std::string {
    plugin::call_limit = std::chrono::milliseconds{300};  // others may have the cores
    const bool thorough = std::getenv("SLUICE_LONG") != nullptr;
    busy all;
    for (const std::string where : {"create", "self_test", "import"}) {
      for (int i = 0; i < (thorough ? 20 : 5); ++i) {
        const receipt told = all.change("hangs = true\nfails = \"" + where + "\"");
        const std::string step = where == "import" ? "import_state" : where;
        if (told.done || told.error.find("troublesome 1.0.0: " + step +
                                         " did not return within 0.3 s") == std::string::npos)
          return where + ": " + told.error;
      }
    }
    if (const receipt told = all.change(""); !told.done) return told.error;
    all.pipe->run.begin_drain();
    if (!all.pipe->until([&] { return all.pipe->run.stopped(); })) return "it does not end";
    const snapshot seen = all.pipe->run.read();
    if (seen.imbalance != 0 || seen.total.created != seen.total.published)
      return "a record is lost";
    return all.disorder == 0 ? "" : "the order is another";
  });
}

TEST_CASE("threads: a trial that nobody confirms is put back, one that is confirmed stays") {
  busy all;
  std::promise<receipt> told;
  change_options with;
  with.trial_ns = 300 * ms;
  with.only = "stage";
  all.pipe->run.change(
      [](config::pipeline_spec next) {
        next.hash = "other";
        return next;
      },
      with, [&](const receipt& made) { told.set_value(made); });
  CHECK(told.get_future().get().done);
  CHECK(all.pipe->run.read().config_hash == "other");
  CHECK(all.pipe->until([&] { return all.pipe->run.read().config_hash != "other"; }));
  std::promise<bool> confirmed;
  all.pipe->run.confirm([&](bool any) { confirmed.set_value(any); });
  CHECK_FALSE(confirmed.get_future().get());
  all.end();
}

TEST_CASE("threads: what is asked for at the end is answered, and refused") {
  busy all;
  all.pipe->run.begin_drain();
  CHECK(all.change("").error == "the pipeline ends");
  std::atomic<int> answered{0};
  REQUIRE(all.pipe->until([&] { return all.pipe->run.stopped(); }));
  for (int i = 0; i < 3; ++i)
    all.pipe->run.change([](const config::pipeline_spec& now) { return now; }, {},
                         [&](const receipt&) { ++answered; });
  all.pipe.reset();
  CHECK(answered == 3);
}
