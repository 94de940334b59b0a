#include "conformance/cases.hpp"
#include "conformance/traffic.hpp"
#include "conformance/watch.hpp"

#include <sluice/ext/resolver.h>

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <utility>

namespace sluice::testing::conformance {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool own_heap = false;  // the sanitizer's: it looks for leaks itself
#else
constexpr bool own_heap = true;
#endif

std::int64_t entries(const char* folder) {
  const std::filesystem::directory_iterator all{folder};
  return std::distance(begin(all), end(all));
}
std::int64_t threads() { return entries("/proc/self/task"); }
std::int64_t open_files() { return entries("/proc/self/fd"); }

std::int64_t heap_bytes() {
  const struct mallinfo2 now = mallinfo2();
  return static_cast<std::int64_t>(now.uordblks + now.hblkhd);
}

/// One of the process's streams, caught as long as this lives.
class caught {
 public:
  explicit caught(int stream) : stream_{stream}, before_{dup(stream)} {
    std::fflush(nullptr);
    memory_ = memfd_create("caught", MFD_CLOEXEC);
    dup2(memory_, stream_);
  }
  ~caught() {
    text();
    close(memory_);
  }
  caught(const caught&) = delete;
  caught& operator=(const caught&) = delete;

  /// What was written, or its beginning.
  std::string text() {
    if (before_ < 0) return {};
    std::fflush(nullptr);
    dup2(before_, stream_);
    close(std::exchange(before_, -1));
    std::array<char, 80> text{};
    const ssize_t size = pread(memory_, text.data(), text.size(), 0);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  const int stream_;
  int before_, memory_;
};

/// A whole life of one stage.
void whole_life(bench& on, std::uint32_t rounds) {
  harness run = on.make();
  live(on, run, rounds);
  run.drain(std::chrono::milliseconds{on.can(SLUICE_CAN_IO) ? 20 : 1'000});
}

}  // namespace

void starts_no_thread(bench& on) {
  on.settings();  // their check has a worker of the host's
  const std::int64_t before = threads();
  watch seen{on.plugin()};
  harness run = on.make(seen.plugin());
  live(on, run, 5);
  // Names are looked up on a thread of the host's.
  const std::int64_t hosts = seen.asked_for(SLUICE_EXT_RESOLVER) ? 1 : 0;
  const std::int64_t more = threads() - before - hosts;
  on.expect(more <= 0, amount(more, "thread") +
                           " more than before it was created: no plugin starts a thread, its lane "
                           "is the host's (abi.h: Threads)");
}

void prints_nothing(bench& on) {
  on.plugin();
  caught out{STDOUT_FILENO}, err{STDERR_FILENO};
  whole_life(on, 5);
  const std::string printed = out.text(), complained = err.text();
  on.expect(complained.empty(), "it wrote to standard error: \"" + complained +
                                    "\"; what it has to say goes to sluice_host.log");
  if (on.can(SLUICE_CAN_PRINT)) return;
  on.expect(
      printed.empty(),
      "it wrote to standard output, and does not declare SLUICE_CAN_PRINT: \"" + printed + '"');
}

void leaks_nothing(bench& on) {
  // Bytes want many lives to be told from what the heap keeps; files do not.
  const std::int64_t lives = on.can(SLUICE_CAN_IO) || !own_heap ? 4 : 40;
  for (std::int64_t i = 0; i < 2 * lives; ++i) whole_life(on, 2);
  on.doing("creating and destroying it " + std::to_string(4 * lives) + " times");
  // The heap keeps some for itself, now and then: what leaks does so each time.
  std::int64_t left = INT64_MAX, left_open = INT64_MAX;
  for (int i = 0; i < 4; ++i) {
    const std::int64_t bytes = heap_bytes(), files = open_files();
    for (std::int64_t n = 0; n < lives; ++n) whole_life(on, 2);
    left = std::min(left, heap_bytes() - bytes);
    left_open = std::min(left_open, open_files() - files);
  }
  const std::string these = std::to_string(lives) + " stages that were created and destroyed left ";
  on.expect(left_open < lives, these + amount(left_open, "file") + " open");
  on.expect(!own_heap || left < lives * 8,
            these + amount(left, "byte") +
                " behind: destroy gives back all that create and the calls after it took");
}

void does_not_grow(bench& on) {
  if (!own_heap) on.skip("the sanitizer's heap tells nothing");
  if (on.can(SLUICE_CAN_IO)) on.skip("its peer is not there: nothing passes");
  constexpr std::uint32_t warm_up = 200, rounds = 600;
  constexpr std::int64_t most = 128 << 10;
  harness run = on.make();
  live(on, run, warm_up);
  const std::int64_t before = heap_bytes();
  live(on, run, rounds, 1);
  const std::int64_t more = heap_bytes() - before;
  on.expect(more < most, "after " + std::to_string(rounds) +
                             " batches of records like those before "
                             "them it has " +
                             std::to_string(more) +
                             " bytes more: what a stage "
                             "keeps is bounded; what waits is held by the host (sluice_host.hold)");
}

}  // namespace sluice::testing::conformance
