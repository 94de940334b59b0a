#include "runtime/change/change_thread.hpp"

#include "plugin/within_limit.hpp"

#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

namespace sluice::runtime {

namespace {

constexpr auto look_interval = std::chrono::milliseconds{100};
// Between two looks at what a lane does: short beside what a change takes, and no load.
constexpr auto wait_interval = std::chrono::milliseconds{1};

void destroy(std::unique_ptr<plugin_object> old) {
  const std::string what = old->title() + ": destroy";
  try {
    plugin::within_limit(what, [object = old.get()] { object->destroy(); });
  } catch (const plugin::hung&) {
    static_cast<void>(old.release());
    throw;
  }
}

}  // namespace

change_thread::change_thread(engine& of, std::function<void(lane&)> begin,
                             std::function<void(lane&)> end)
    : engine_{of},
      changer_{of,
               {[this](const std::function<bool()>& done, std::int64_t limit_ns) {
                  return wait(done, limit_ns);
                },
                [](const std::string& what, std::int64_t limit_ns, std::function<void()> call) {
                  plugin::within_limit(what, std::move(call), std::chrono::nanoseconds{limit_ns});
                },
                std::move(begin), std::move(end)}} {}

void change_thread::start() {
  thread_ = std::thread{[this] { run(); }};
}

void change_thread::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
  run();
}

void change_thread::add(task next) {
  {
    const std::lock_guard lock{mutex_};
    tasks_.push_back(std::move(next));
  }
  woken_.notify_all();
}

/// All tasks are begun, whatever happens: each is somebody's answer, or an object's end.
void change_thread::run() {
  auto next_look = std::chrono::steady_clock::now() + look_interval;
  std::unique_lock lock{mutex_};
  for (;;) {
    woken_.wait_until(lock, next_look, [this] { return stopping_ || !tasks_.empty(); });
    if (!tasks_.empty()) {
      const task next = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      next();
      lock.lock();
    } else if (stopping_) {
      return;
    }
    if (stopping_ || std::chrono::steady_clock::now() < next_look) continue;
    lock.unlock();
    changer_.look();
    lock.lock();
    next_look = std::chrono::steady_clock::now() + look_interval;
  }
}

bool change_thread::wait(const std::function<bool()>& done, std::int64_t limit_ns) {
  const std::int64_t limit = engine_.now() + limit_ns;
  while (!done()) {
    std::unique_lock lock{mutex_};
    if (stopping_ || engine_.now() >= limit) return false;
    woken_.wait_for(lock, wait_interval, [this] { return stopping_; });
  }
  return true;
}

void change_thread::change(config_maker next, change_options with,
                           std::function<void(const receipt&)> told) {
  add([this, next = std::move(next), with = std::move(with), told = std::move(told)] {
    told(changer_.change(next, with));
  });
}

void change_thread::confirm(std::function<void(bool)> told) {
  add([this, told = std::move(told)] { told(changer_.confirm()); });
}

void change_thread::retire(std::unique_ptr<plugin_object> old) {
  // A task is copied, an object is not.
  const auto held = std::make_shared<std::unique_ptr<plugin_object>>(std::move(old));
  add([this, held] {
    const std::string stage{(*held)->owner().label()};
    try {
      destroy(std::move(*held));
    } catch (const std::exception& why) {
      engine_.tell(SLUICE_ERROR, stage, "destroy", why.what());
    }
  });
}

}  // namespace sluice::runtime
