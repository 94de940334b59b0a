// Secrets read over the network, on the cache's thread.
#include "runtime/secret_cache.hpp"

#include "config/redis_key.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using sluice::config::secret_reader;
using sluice::runtime::secret_cache;

namespace {

/// A Redis in a test's hand.
struct remote {
  std::mutex mutex;
  std::condition_variable changed;
  std::string value = "first";
  enum { answers, refuses, silent, hangs } mood = answers;
  std::size_t reads = 0;
  std::vector<bool> told;

  secret_reader reader() {
    return {[this] {
              std::unique_lock held{mutex};
              ++reads;
              changed.notify_all();
              changed.wait(held, [this] { return mood != hangs; });
              if (mood == silent) throw sluice::config::redis_unreachable{"no answer"};
              if (mood == refuses) throw std::runtime_error{"no such key"};
              return value;
            },
            "a place",
            {}};
  }
  secret_cache::teller teller() {
    return [this](bool reachable, std::string_view) {
      const std::lock_guard held{mutex};
      told.push_back(reachable);
    };
  }
  template <typename Change>
  void now(Change change) {
    std::unique_lock held{mutex};
    change();
    changed.notify_all();
    // Two: the first may have begun before the change.
    const std::size_t wanted = reads + 2;
    REQUIRE(changed.wait_for(held, 20s, [&] { return mood == hangs || reads >= wanted; }));
  }
};

std::string text_of(const secret_cache& cache, const secret_reader& which) {
  try {
    return cache.read(which);
  } catch (const std::runtime_error& none) {
    return std::string{"error: "} + none.what();
  }
}

/// The answer of the last read may still be on its way to the cache.
bool becomes(const secret_cache& cache, const secret_reader& which, const std::string& wanted) {
  const auto limit = std::chrono::steady_clock::now() + 20s;
  while (text_of(cache, which) != wanted) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace

TEST_CASE("a secret of this machine is read at each use, in the caller's thread") {
  secret_cache cache{{}};
  int reads = 0;
  const secret_reader near{[&reads] { return std::to_string(++reads); }, "", ""};
  cache.keep(near);
  CHECK(cache.read(near) == "1");
  CHECK(cache.read(near) == "2");
}

TEST_CASE("a remote secret is there after keep, follows its Redis, and outlives its silence") {
  remote redis;
  const secret_reader token = redis.reader();
  {
    secret_cache cache{redis.teller()};
    CHECK(text_of(cache, token) == "error: its Redis was not read yet");
    cache.keep(token);
    CHECK(cache.read(token) == "first");
    redis.now([&] { redis.value = "second"; });
    CHECK(becomes(cache, token, "second"));
    redis.now([&] { redis.mood = remote::silent; });
    CHECK(cache.read(token) == "second");
    redis.now([&] { redis.mood = remote::refuses; });
    CHECK(becomes(cache, token, "error: no such key"));
    redis.now([&] { redis.mood = remote::silent; });
    CHECK(becomes(cache, token, "error: no answer"));
    redis.now([&] { redis.mood = remote::answers; });
    CHECK(becomes(cache, token, "second"));
  }
  CHECK(redis.told == std::vector<bool>{false, true, false, true});
}

TEST_CASE("a Redis that hangs holds up neither who reads nor the end") {
  auto redis = std::make_shared<remote>();  // the thread that hangs in it outlives the cache
  secret_reader token = redis->reader();
  token.read = [redis, read = token.read] { return read(); };
  {
    secret_cache cache{{}};
    cache.keep(token);
    redis->now([&] { redis->mood = remote::hangs; });
    CHECK(cache.read(token) == "first");
    secret_reader other = token;
    other.remote = "another place";
    cache.keep(other);
    CHECK(text_of(cache, other) == "error: its Redis was not read yet");
  }
  const std::lock_guard held{redis->mutex};
  redis->mood = remote::silent;
  redis->changed.notify_all();
}
