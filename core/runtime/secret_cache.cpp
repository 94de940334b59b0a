#include "runtime/secret_cache.hpp"

#include "config/redis_key.hpp"

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

namespace sluice::runtime {

namespace {

using namespace std::chrono_literals;
constexpr auto interval = 1s;

/// What one reading came to.
struct answer {
  std::optional<std::string> value;
  std::string error;
  bool reachable = true;
};

answer ask(const std::function<std::string()>& read) {
  try {
    return {read(), {}, true};
  } catch (const config::redis_unreachable& silent) {
    return {{}, silent.what(), false};
  } catch (const std::exception& none) {
    return {{}, none.what(), true};
  }
}

}  // namespace

struct secret_cache::state {
  struct entry {
    std::function<std::string()> read;
    answer last{};
    bool asked = false;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, entry> entries;  // by secret_reader::remote; none is ever removed
  teller tell;
  bool running = false, ending = false, added = false;

  void take(entry& into, answer now) {
    if (tell && now.reachable != into.last.reachable) tell(now.reachable, now.error);
    if (now.reachable || !into.last.value)
      into.last = std::move(now);
    else
      into.last.reachable = false;
    into.asked = true;
    changed.notify_all();
  }

  void run() {
    std::unique_lock held{mutex};
    while (!ending) {
      added = false;
      for (auto& [remote, each] : entries) {
        held.unlock();
        answer now = ask(each.read);
        held.lock();
        if (ending) return;
        take(each, std::move(now));
      }
      changed.wait_for(held, interval, [this] { return ending || added; });
    }
  }
};

secret_cache::secret_cache(teller tell) : state_{std::make_shared<state>()} {
  state_->tell = std::move(tell);
}

secret_cache::~secret_cache() {
  const std::lock_guard lock{state_->mutex};
  state_->ending = true;
  state_->changed.notify_all();
}

void secret_cache::keep(const config::secret_reader& which) {
  if (which.remote.empty()) return;
  std::unique_lock held{state_->mutex};
  const bool fresh = !state_->entries.contains(which.remote);
  state::entry& found = state_->entries[which.remote];
  if (fresh) {
    found.read = which.read;
    state_->added = true;
    state_->changed.notify_all();
  }
  // It may hang in the system's name resolution: not waited for at the end.
  if (!state_->running) std::thread{[kept = state_] { kept->run(); }}.detach();
  state_->running = true;
  state_->changed.wait_for(held, interval, [&] { return found.asked; });
}

std::string secret_cache::read(const config::secret_reader& which) const {
  if (which.remote.empty()) return which.read();
  const std::lock_guard lock{state_->mutex};
  const auto found = state_->entries.find(which.remote);
  if (found == state_->entries.end() || !found->second.asked)
    throw std::runtime_error{"its Redis was not read yet"};
  const answer& last = found->second.last;
  if (!last.value) throw std::runtime_error{last.error};
  return *last.value;
}

}  // namespace sluice::runtime
