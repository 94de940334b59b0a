// Plugin code that may hang runs on a worker with a deadline.
#pragma once

#include <atomic>
#include <chrono>
#include <future>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

namespace sluice::plugin {

/// How long one call may take. Changed by tests alone, before the first call.
inline std::chrono::nanoseconds call_limit = std::chrono::seconds{10};

/// A call hangs, for good perhaps: what ends this process must not wait for it, as the destructors
/// of statics and of libraries may.
inline std::atomic<bool> left_behind{false};

struct hung : std::runtime_error {
  using runtime_error::runtime_error;
};

/// What `call` returns or throws. Throws `hung`, "<what> did not return within 10 s", after the
/// limit: the worker is left behind, so what `call` uses is its own or never ends. Any thread.
template <typename Call>
auto within_limit(const std::string& what, Call call, std::chrono::nanoseconds limit = call_limit) {
  std::packaged_task<std::invoke_result_t<Call&>()> task{std::move(call)};
  auto done = task.get_future();
  std::thread worker{std::move(task)};
  if (done.wait_for(limit) == std::future_status::ready) {
    worker.join();
    return done.get();
  }
  left_behind = true;
  worker.detach();
  std::ostringstream text;
  text << what << " did not return within " << std::chrono::duration<double>{limit}.count() << " s";
  throw hung{text.str()};
}

}  // namespace sluice::plugin
