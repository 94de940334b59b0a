// The pipeline's one bounded log of events.
#pragma once

#include "runtime/clock.hpp"
#include "runtime/snapshot.hpp"

#include <deque>
#include <mutex>
#include <string_view>
#include <vector>

namespace sluice::runtime {

/// All calls are for any thread.
class event_log {
 public:
  explicit event_log(const clock& time) : time_{time} {}

  void add(std::uint32_t severity, std::string_view stage, std::string_view kind,
           std::string_view message) {
    const std::lock_guard lock{mutex_};
    if (events_.size() == limit) events_.pop_front();
    events_.push_back({++last_, time_.unix_time(), severity, std::string{stage}, std::string{kind},
                       std::string{message}});
  }

  std::vector<event> since(std::uint64_t after) const {
    const std::lock_guard lock{mutex_};
    std::vector<event> found;
    for (const event& each : events_)
      if (each.number > after) found.push_back(each);
    return found;
  }

 private:
  static constexpr std::size_t limit = 1024;
  const clock& time_;
  mutable std::mutex mutex_;
  std::deque<event> events_;
  std::uint64_t last_ = 0;
};

}  // namespace sluice::runtime
