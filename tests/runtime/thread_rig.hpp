// Pipelines of scripted stages with threads of their own.
#pragma once

#include "runtime/pipeline.hpp"
#include "runtime/test_rig.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace sluice::runtime::test {

/// A source with I/O that waits as a socket would, and pushes at full speed until it has.
struct fast_source {
  fast_source(script& by, std::uint64_t count) : on{by}, left{count} {
    by.poll = [this](duration wait) { poll(wait); };
    by.wake = [this] {
      const std::lock_guard lock{mutex};
      woken = true;
      changed.notify_one();
    };
  }
  void poll(duration wait) {
    if (left == 0) {
      std::unique_lock lock{mutex};
      changed.wait_for(lock, wait, [this] { return woken; });
      woken = false;
      return;
    }
    for (std::uint64_t i = 0; i < 300 && left > 0; ++i, --left)
      on.waiting.push_back({left % 50, "sixteen letters.", static_cast<std::uint8_t>(left % 2)});
    on.push_waiting();
    if (left == 0) done.store(true);
  }

  script& on;
  std::uint64_t left;
  std::atomic<bool> done{false};
  std::mutex mutex;
  std::condition_variable changed;
  bool woken = false;
};

struct running {
  running(rig& on, const runtime::clock& time) : run{make(on, time)} { run.start(); }
  static pipeline make(rig& on, const runtime::clock& time) {
    current_scripts = &on.plays;
    return {on.spec, time, [](std::uint32_t, std::string_view, std::string_view) {}};
  }
  bool until(const std::function<bool()>& done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!done()) {
      if (std::chrono::steady_clock::now() > limit) return false;
      run.tick();
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
    return true;
  }
  pipeline run;
};

inline void check_order(const script& of) {
  std::map<std::pair<std::uint64_t, std::uint8_t>, std::uint64_t> last;
  for (const taken& each : of.got) {
    std::uint64_t& before = last[{each.key, each.priority}];
    REQUIRE(each.seq > before);
    before = each.seq;
  }
}

}  // namespace sluice::runtime::test
