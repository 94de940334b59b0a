#include "runtime/resolver.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

namespace sluice::runtime {

struct resolver::state {
  struct question {
    std::uint64_t ticket;
    std::string name;
  };
  struct entry {
    const void* owner;
    std::function<void()> done;
    outcome answer = outcome::pending;
    std::string text;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<question> questions;
  std::map<std::uint64_t, entry> entries;
  std::uint64_t last = 0;
  bool running = false, ending = false;
};

namespace {

resolver::outcome look_up(const std::string& name, std::string& text) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(name.c_str(), nullptr, &hints, &found); error != 0) {
    text = name + ": " + gai_strerror(error);
    return resolver::outcome::failed;
  }
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    char address[NI_MAXHOST];
    if (getnameinfo(each->ai_addr, each->ai_addrlen, address, sizeof address, nullptr, 0,
                    NI_NUMERICHOST) == 0)
      text.append(address).append("\n");
  }
  freeaddrinfo(found);
  if (!text.empty()) return resolver::outcome::found;
  text = name + ": no address";
  return resolver::outcome::failed;
}

}  // namespace

resolver::resolver() : state_{std::make_shared<state>()} {}

resolver::~resolver() {
  const std::lock_guard lock{state_->mutex};
  state_->ending = true;
  state_->entries.clear();
  state_->changed.notify_all();
}

std::uint64_t resolver::begin(std::string_view name, const void* owner,
                              std::function<void()> done) {
  const std::lock_guard lock{state_->mutex};
  const std::uint64_t ticket = ++state_->last;
  state_->entries[ticket] = {owner, std::move(done), outcome::pending, {}};
  state_->questions.push_back({ticket, std::string{name}});
  state_->changed.notify_all();
  if (state_->running) return ticket;
  state_->running = true;
  std::thread{[shared = state_] {
    std::unique_lock held{shared->mutex};
    while (true) {
      shared->changed.wait(held, [&] { return shared->ending || !shared->questions.empty(); });
      if (shared->ending) return;
      const auto question = std::move(shared->questions.front());
      shared->questions.pop_front();
      held.unlock();
      std::string text;
      const outcome answer = look_up(question.name, text);
      held.lock();
      const auto found = shared->entries.find(question.ticket);
      if (found == shared->entries.end()) continue;
      found->second.answer = answer;
      found->second.text = std::move(text);
      found->second.done();
    }
  }}.detach();
  return ticket;
}

resolver::outcome resolver::result(std::uint64_t ticket, std::string& text) {
  const std::lock_guard lock{state_->mutex};
  const auto found = state_->entries.find(ticket);
  if (found == state_->entries.end()) {
    text = "no such ticket";
    return outcome::failed;
  }
  const outcome answer = found->second.answer;
  if (answer == outcome::pending) return answer;
  text = std::move(found->second.text);
  state_->entries.erase(found);
  return answer;
}

void resolver::forget(const void* owner) {
  const std::lock_guard lock{state_->mutex};
  std::erase_if(state_->entries, [&](const auto& each) { return each.second.owner == owner; });
}

}  // namespace sluice::runtime
