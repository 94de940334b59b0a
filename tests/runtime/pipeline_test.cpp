// Lanes with threads of their own.
#include "runtime/pipeline.hpp"

#include "thread_rig.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <thread>

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

namespace {

struct refuses {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"refuses", "1.0.0", "Refuses.", SLUICE_TRANSFORM, 0};
  refuses(const config&, host) { throw std::runtime_error{"no licence"}; }
  void process(batch&) {}
};

void flood(config::queue_spec queue, std::uint64_t count) {
  rig on;
  on.add("source", io_source);
  on.add("pass", plain, {"source"});
  on.add("hop", plain, {"pass"}).queue = queue;
  on.add("sink", sink, {"hop"}).queue = queue;
  fast_source feed{on["source"], count};
  system_clock time;
  running pipe{on, time};
  REQUIRE(pipe.until([&] { return feed.done.load(); }));
  pipe.run.begin_drain();
  REQUIRE(pipe.until([&] { return pipe.run.stopped(); }));

  const snapshot end = pipe.run.read();
  CHECK(end.imbalance == 0);
  CHECK(end.held == 0);
  CHECK(end.total.created == count);
  CHECK(end.total.published == on["sink"].got.size());
  CHECK(end.total.published + end.total.dropped[SLUICE_DROP_OVERFLOW] == count);
  CHECK_FALSE(pipe.run.drained_with_loss());
  if (queue.policy == config::when_full::block) CHECK(end.total.published == count);
  check_order(on["sink"]);
}

}  // namespace

TEST_CASE(
    "threads: block queues smaller than a batch lose nothing, and do not wait for a timeout") {
  const auto began = std::chrono::steady_clock::now();
  flood({20, 1 << 20, config::when_full::block, 0}, 20'000);
  // A wake-up lost once a batch would cost 100 ms each time.
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds{5});
}

TEST_CASE("threads: a source at full speed through block queues") {
  flood({10'000, 16 << 20, config::when_full::block, 0}, 200'000);
}

TEST_CASE("threads: a source at full speed through queues that drop") {
  flood({1000, 1 << 20, config::when_full::drop_oldest, 0}, 200'000);
}

TEST_CASE("threads: two sources into shards, read all the while") {
  rig on;
  on.add("a", io_source);
  on.add("b", io_source);
  on.add("both", transform, {"a", "b"}).queue =
      config::queue_spec{500, 1 << 20, config::when_full::block, 0};
  on.add("guard", guard, {"both"}).queue =
      config::queue_spec{500, 1 << 20, config::when_full::block, 0};
  on.add("sink", sink, {"guard"}).shards = 2;
  fast_source a{on["a"], 50'000}, b{on["b"], 50'000};
  system_clock time;
  running pipe{on, time};
  REQUIRE(pipe.until([&] {
    static_cast<void>(pipe.run.read());
    static_cast<void>(pipe.run.events(0));
    return a.done.load() && b.done.load();
  }));
  pipe.run.begin_drain();
  REQUIRE(pipe.until([&] { return pipe.run.stopped(); }));
  CHECK(pipe.run.read().imbalance == 0);
  CHECK(pipe.run.read().total.published == 100'000);
  CHECK(on["sink/0"].got.size() + on["sink/1"].got.size() == 100'000);
}

TEST_CASE("threads: stop_now lets a pusher go that waits for room") {
  rig on;
  on.add("source", io_source);
  on.add("sink", sink, {"source"}).queue =
      config::queue_spec{10, 1 << 20, config::when_full::block, 0};
  on["sink"].ready = [](std::uint32_t, duration) { return 0u; };
  fast_source feed{on["source"], 1'000'000'000};
  system_clock time;
  running pipe{on, time};
  REQUIRE(pipe.until([&] { return pipe.run.read().stages[1].queue.depth >= 9; }));
  pipe.run.stop_now();
  REQUIRE(pipe.until([&] { return pipe.run.stopped(); }));
  const snapshot end = pipe.run.read();
  CHECK(end.imbalance == 0);
  CHECK(end.total.dropped[SLUICE_DROP_SHUTDOWN] == end.total.created);
  CHECK(pipe.run.drained_with_loss());
}

TEST_CASE("threads: a pipeline that is dropped ends by itself") {
  rig on;
  on.add("source", io_source);
  on.add("sink", sink, {"source"});
  fast_source feed{on["source"], 1'000'000'000};
  system_clock time;
  running pipe{on, time};
  REQUIRE(pipe.until([&] { return pipe.run.read().total.published > 0; }));
}

TEST_CASE("threads: a stage that cannot be created is named") {
  rig on;
  on.add("source", source);
  on.add("picky", &plugin_of<refuses>, {"source"});
  on.add("sink", sink, {"picky"});
  current_scripts = &on.plays;
  system_clock time;
  CHECK_THROWS_WITH_AS((running{on, time}), "picky: no licence", std::runtime_error);
}

// --- the watchdog -------------------------------------------------------------------------------

namespace {

/// A stage's call that returns when it is told to.
struct hang {
  void operator()() {
    inside = true;
    while (!go) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    inside = false;
    go = false;
  }
  void enter() const {
    while (!inside) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  void leave() {
    go = true;
    while (inside) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  std::atomic<bool> inside{false}, go{false};
};

}  // namespace

TEST_CASE("watchdog: names the stage that hangs after 2 s, and takes it back") {
  rig on;
  on.add("source", io_source);
  on.add("slow", plain, {"source"});
  on.add("sink", sink, {"slow"});
  hang in_slow, in_source;
  std::atomic<bool> pushed{false};
  on["slow"].process = [&](batch&) { in_slow(); };
  on["source"].poll = [&](duration) {
    if (pushed.exchange(true)) return std::this_thread::sleep_for(std::chrono::milliseconds{1});
    on["source"].waiting.push_back({});
    on["source"].push_waiting();
    in_source();
  };
  virtual_clock time;
  running pipe{on, time};
  in_slow.enter();
  time.advance_to(time.now() + 1999 * ms);
  pipe.run.tick();
  CHECK(pipe.run.read().hung_stage == "");
  time.advance_to(time.now() + 1 * ms);
  pipe.run.tick();
  CHECK(pipe.run.read().hung_stage == "slow");
  const auto events = pipe.run.events(0);
  CHECK(events.back().stage == "slow");
  CHECK(events.back().kind == "hung");
  CHECK(events.back().message == "has not returned for 2 s");
  in_slow.leave();
  in_source.enter();  // the same step goes on, in the source now
  pipe.run.tick();
  CHECK(pipe.run.read().hung_stage == "source");
  in_source.leave();
  CHECK(pipe.until([&] { return pipe.run.read().hung_stage.empty(); }));
  pipe.run.stop_now();
  CHECK(pipe.until([&] { return pipe.run.stopped(); }));
  CHECK(pipe.run.read().imbalance == 0);
}

TEST_CASE("watchdog: a lane that waits for room in a queue does not hang") {
  rig on;
  on.add("source", io_source);
  on.add("sink", sink, {"source"}).queue =
      config::queue_spec{10, 1 << 20, config::when_full::block, 0};
  on["sink"].ready = [](std::uint32_t, duration) { return 0u; };
  fast_source feed{on["source"], 1'000'000'000};
  virtual_clock time;
  running pipe{on, time};
  REQUIRE(pipe.until([&] { return pipe.run.read().stages[1].queue.depth >= 9; }));
  for (int i = 0; i < 4; ++i) {
    time.advance_to(time.now() + 900 * ms);  // the pusher says that it lives every 100 ms
    std::this_thread::sleep_for(std::chrono::milliseconds{250});
    pipe.run.tick();
  }
  for (const event& each : pipe.run.events(0)) CHECK(each.kind != "hung");
  pipe.run.stop_now();
  CHECK(pipe.until([&] { return pipe.run.stopped(); }));
}

TEST_CASE("watchdog: after 10 s the process aborts") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    rig on;
    on.add("source", source);
    on.add("sink", sink, {"source"});
    hang in_source;
    on["source"].start = [&] { in_source(); };
    virtual_clock time;
    running pipe{on, time};
    in_source.enter();
    time.advance_to(time.now() + 9999 * ms);
    pipe.run.tick();
    time.advance_to(time.now() + 1 * ms);
    pipe.run.tick();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}
