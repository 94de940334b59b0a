#include "output.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

using sluice::console::output;

namespace {

/// Standard output is a pipe for as long as this lives.
struct piped_stdout {
  int ends[2] = {-1, -1};
  int before = -1;
  piped_stdout() {
    REQUIRE(::pipe(ends) == 0);
    before = ::dup(STDOUT_FILENO);
    ::dup2(ends[1], STDOUT_FILENO);
  }
  ~piped_stdout() {
    ::dup2(before, STDOUT_FILENO);
    for (const int file : {before, ends[0], ends[1]})
      if (file >= 0) ::close(file);
  }
  void close_reader() {
    ::close(ends[0]);
    ends[0] = -1;
  }
};

}  // namespace

TEST_CASE("standard output takes what goes without blocking, and stays blocking for others") {
  std::size_t written = 0, more = 0;
  int flags = 0, error = 0, closed = 0;
  bool terminal = true;
  {
    piped_stdout pipe;
    output out{std::nullopt};
    terminal = out.terminal();
    flags = ::fcntl(STDOUT_FILENO, F_GETFL);
    const std::string large(1 << 20, 'x');
    const auto first = out.write(large);
    written = first.written;
    error = first.error;
    more = out.write(large).written;
    pipe.close_reader();
    closed = out.write(large).error;
  }
  CHECK(!terminal);
  CHECK((flags & O_NONBLOCK) == 0);
  CHECK(error == 0);
  CHECK(written >= 4'096);
  CHECK(written < 1 << 20);
  CHECK(more == 0);
  CHECK(closed == EPIPE);
}
