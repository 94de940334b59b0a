// The thread on which a running pipeline is changed, beside its lanes.
#pragma once

#include "runtime/change/changer.hpp"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace sluice::runtime {

/// What plugins are called for here is bounded in time: one that hangs is left behind, with what it
/// uses. What a stage no longer needs is destroyed here, too.
class change_thread {
 public:
  /// `begin` and `end` as those of change_host. `of` outlives it.
  change_thread(engine& of, std::function<void(lane&)> begin, std::function<void(lane&)> end);
  ~change_thread() { stop(); }
  change_thread(const change_thread&) = delete;
  change_thread& operator=(const change_thread&) = delete;

  void start();
  /// What has not begun is refused, what has is over at the latest after one call's limit. What is
  /// asked for later waits for the next call of it.
  void stop();

  /// [any] In turn; `told` gets the receipt on this thread, once.
  void change(config_maker next, change_options with, std::function<void(const receipt&)> told);
  /// [any] Whether something was on trial: it stays.
  void confirm(std::function<void(bool)> told);
  /// [any]
  void retire(std::unique_ptr<plugin_object> old);

 private:
  using task = std::function<void()>;
  void add(task next);
  void run();
  bool wait(const std::function<bool()>& done, std::int64_t limit_ns);

  engine& engine_;
  changer changer_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<task> tasks_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace sluice::runtime
