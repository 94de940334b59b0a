// Progress on a pseudo terminal, and where there is none.
#include "cli/progress.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include <array>
#include <string>

using sluice::cli::progress;

namespace {

std::string read_all(int from) {
  std::array<char, 256> text;
  const ssize_t size = ::read(from, text.data(), text.size());
  return size <= 0 ? "" : std::string{text.data(), static_cast<std::size_t>(size)};
}

/// A terminal hands over what was written in its own time: what has come once it is `wanted`, or
/// when nothing more comes.
std::string read_terminal(int from, const std::string& wanted) {
  std::string seen;
  pollfd ask{from, POLLIN, 0};
  while (seen.size() < wanted.size() && ::poll(&ask, 1, 10'000) == 1) seen += read_all(from);
  return seen;
}

}  // namespace

TEST_CASE("each line takes the place of the one before, and the last is gone at the end") {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  REQUIRE(::grantpt(terminal) == 0);
  REQUIRE(::unlockpt(terminal) == 0);
  const int window = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY);
  REQUIRE(window >= 0);
  const auto shows = [&](const std::string& wanted) {
    CHECK(read_terminal(terminal, wanted) == wanted);
  };
  {
    progress on{window};
    on.say("1 of 2");
    on.say("2 of 2");
    on.say("2 of 2");
    shows("\r1 of 2\x1b[K\r2 of 2\x1b[K");
    on.clear();
    shows("\r\x1b[K");
    on.say("more");
  }
  shows("\rmore\x1b[K\r\x1b[K");
  ::close(window);
  ::close(terminal);
}

TEST_CASE("a file is told nothing") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  progress{ends[1]}.say("1 of 2");
  ::close(ends[1]);
  CHECK(read_all(ends[0]).empty());
  ::close(ends[0]);
}
