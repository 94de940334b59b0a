// A case of the conformance suite in a process of its own, and what it says to the one that
// watches.
#pragma once

#include "conformance/suite.hpp"

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// The process's side: tells the descriptor it was given what it does, and how that ended.
class case_teller {
 public:
  explicit case_teller(int to) : to_{to} {}
  void doing(std::string_view step) const { tell('d', step); }
  void ended(const testing::conformance::verdict& how) const;

 private:
  void tell(char kind, std::string_view text) const;
  int to_;
};

/// The watcher's side.
class case_process {
 public:
  using clock = std::chrono::steady_clock;

  /// Runs this program with `arguments` and, behind them, the descriptor to tell. Throws
  /// std::system_error.
  case_process(std::vector<std::string> arguments, clock::duration limit);
  case_process(const case_process&) = delete;
  case_process& operator=(const case_process&) = delete;
  /// Ends it if it still runs.
  ~case_process();

  /// Readable when there is something to read.
  int told_by() const { return from_; }
  clock::time_point deadline() const { return began_ + limit_; }
  /// Takes what was told. False: nothing more will be.
  bool read();
  /// Waits for its end, or ends it if its time is over.
  testing::conformance::verdict end();
  clock::duration took() const { return took_; }

 private:
  void take_messages();
  bool ends_in_time() const;
  std::string printed() const;
  testing::conformance::verdict ended_with(int status, bool overdue);
  testing::conformance::verdict judge(int status, bool overdue) const;

  const clock::time_point began_ = clock::now();
  const clock::duration limit_;
  clock::duration took_{};
  int from_ = -1, output_ = -1;
  pid_t process_ = -1;
  std::string received_;
  std::string step_;  ///< the last one it told
  bool has_verdict_ = false;
  testing::conformance::verdict verdict_;
};

}  // namespace sluice::cli
