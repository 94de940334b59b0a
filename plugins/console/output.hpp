// console/output.hpp - lines to a file, a pipe or a terminal, without ever blocking.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::console {

/// Not for two threads at once.
class output {
 public:
  /// Empty: standard output. Else a file, appended to. Throws std::runtime_error with the path.
  explicit output(const std::optional<std::string>& path);
  ~output();
  output(const output&) = delete;
  output& operator=(const output&) = delete;

  bool terminal() const { return terminal_; }

  struct result {
    std::size_t written = 0;
    int error = 0;  ///< 0: all, or as much as goes without blocking
  };
  /// Writes as much of `text` as goes without blocking. A closed pipe is EPIPE, without a signal.
  result write(std::string_view text);

 private:
  int file_ = -1;
  bool terminal_ = false;
};

}  // namespace sluice::console
