// How far something long has come, for who waits at a terminal.
#pragma once

#include <unistd.h>

#include <string>
#include <string_view>

namespace sluice::cli {

/// One line on `to`, if that is a terminal: each takes the place of the one before, and the last is
/// gone with it.
class progress {
 public:
  explicit progress(int to = STDERR_FILENO) : to_{to}, shown_{::isatty(to) == 1} {}
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  void say(std::string_view text);
  /// Before something else is written there.
  void clear();

 private:
  void write(const std::string& text) const;

  int to_;
  bool shown_;
  std::string line_;  // that stands there; empty: none
};

}  // namespace sluice::cli
