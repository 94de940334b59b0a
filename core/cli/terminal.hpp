// A terminal taken for a page that is drawn over and over, and given back as it was.
#pragma once

#include "cli/top_screen.hpp"

#include <termios.h>

#include <chrono>
#include <csignal>
#include <cstddef>
#include <vector>

namespace sluice::cli {

struct terminal_size {
  std::size_t columns = 80, rows = 24;
};
/// Of standard output; 80 by 24 if it does not say.
terminal_size size_of_terminal();

/// While it lives the page stands in place of what was there before, keys are not echoed, and
/// signals that end a program or resize the page are taken by `wait`. One at a time.
class terminal {
 public:
  terminal();
  ~terminal();
  terminal(const terminal&) = delete;
  terminal& operator=(const terminal&) = delete;

  void draw(const std::vector<screen_line>& lines) const;

  enum class woken { by_time, by_size, to_end };
  /// Until `limit` has passed, the size changes, or the end is asked for: by `q`, Ctrl-C, or a
  /// signal.
  woken wait(std::chrono::milliseconds limit);

 private:
  sigset_t signals_before_;
  int signals_ = -1;
  bool keys_ = false;  // standard input is a terminal, in the foreground
  ::termios keys_before_{};
};

}  // namespace sluice::cli
