// slow_process never returns, so each case has a process of its own, ended with it.
#include "fixture_rig.hpp"

#include "runtime/pipeline.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <thread>

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

namespace {

enum exit_code : int { named = 0, never_named = 1, named_early = 2, other_named = 3 };

/// Runs until the watchdog names a stage.
int hang() {
  fixture_rig on{"slow_process"};
  on["source"].start = [&] {
    on["source"].waiting.push_back({});
    on["source"].push_waiting();
  };
  current_scripts = &on.plays;
  system_clock time;
  pipeline run{on.spec, time, [](std::uint32_t, std::string_view, std::string_view) {}};
  const auto began = std::chrono::steady_clock::now();
  run.start();
  while (std::chrono::steady_clock::now() - began < std::chrono::seconds{9}) {
    run.tick();
    const std::string stage = run.read().hung_stage;
    if (!stage.empty()) {
      const bool early = std::chrono::steady_clock::now() - began < std::chrono::seconds{2};
      _exit(stage != "broken" ? other_named : early ? named_early : named);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  _exit(never_named);
}

}  // namespace

TEST_CASE("a stage that hangs in process is named after 2 s") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    _exit(hang());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == named);
}
