// What a Redis answers, in pieces of any size, while calls are in flight: whatever it says, each
// published record ends exactly once, in order.
#include "harness.hpp"

#include <redis_sink/session.hpp>

#include <deque>
#include <string>

using namespace sluice;
using namespace sluice::redis_sink;

namespace {

class ledger final : public session::listener {
 public:
  struct call {
    std::uint64_t number;
    std::uint32_t left;
  };
  std::deque<call> open;

  void ended(const sluice_outcome& outcome) override {
    FUZZ_REQUIRE(!open.empty() && outcome.call == open.front().number);
    FUZZ_REQUIRE(outcome.count > 0 && outcome.count <= open.front().left);
    FUZZ_REQUIRE(outcome.result <= SLUICE_PUBLISH_UNKNOWN);
    open.front().left -= outcome.count;
    if (open.front().left == 0) open.pop_front();
  }
  void refused(std::uint32_t cause, std::string_view error) override {
    FUZZ_REQUIRE(cause == SLUICE_CAUSE_BUSY || cause == SLUICE_CAUSE_REJECTED);
    FUZZ_REQUIRE(error.size() <= reply_reader::text_max);
  }
  void redirected(std::uint64_t of, std::string_view error) override {
    FUZZ_REQUIRE(!open.empty() && of == open.front().number && redirects(error));
    if (--open.front().left == 0) open.pop_front();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input script{data, size};
  ledger books;
  const bool single = size % 2 == 0;
  session under_test{books, single ? session::peer::single : session::peer::cluster_node};
  time_point now{};
  std::string out;
  under_test.greet({"user", "password", script.byte() % 3u, "name"},
                   script.byte() % 2u == 0 ? role_check::none : role_check::master, now, out);

  std::uint64_t calls = 0;
  while (!script.empty()) {
    now += std::chrono::milliseconds{1};
    const std::uint8_t step = script.byte();
    if (step < 64 && under_test.in_flight() < session::window_max) {
      const std::uint32_t count = step % 5u + 1;
      books.open.push_back({++calls, count});
      std::vector<command_label> commands(count);
      if (single && count > 1) commands[0].ends = 0;  // of a record with two commands
      books.open.back().left -= single && count > 1 ? 1u : 0u;
      under_test.published(calls, commands, now, step % 2 == 0);
      continue;
    }
    const auto progress = under_test.feed(script.take(step % 64u), now);
    if (progress != session::progress::fine && progress != session::progress::greeted) {
      FUZZ_REQUIRE(!under_test.reason().empty());
      break;
    }
  }
  under_test.lost(SLUICE_CAUSE_CONNECTION, 1, now);
  FUZZ_REQUIRE(books.open.empty());
  FUZZ_REQUIRE(under_test.in_flight() == 0 && under_test.unanswered() == 0 && under_test.silent());
  return 0;
}
