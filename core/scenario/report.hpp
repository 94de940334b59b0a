// A run for people and for machines.
#pragma once

#include "scenario/expect.hpp"
#include "scenario/figures.hpp"
#include "scenario/run.hpp"
#include "scenario/scenario.hpp"

#include <string>
#include <vector>

namespace sluice::scenario {

/// A finished run. What it tells but the real time it took is the same each time.
struct report {
  const scenario* of = nullptr;
  outcome seen;
  std::vector<verdict> verdicts;
  double took_s = 0;  ///< real time
  figures came_to;    ///< once finish() was called, like `told`
  std::string told;   ///< text()

  bool passed() const;
  /// Keeps figures and text and lets go of what only they needed: of many runs that would be
  /// gigabytes.
  void finish();
};

/// One line: name, seed, how it went.
std::string headline(const report& of);
/// All of it: plot, checks, and how to repeat it if it failed. At most 80 columns but for causes.
std::string text(const report& of);
/// Load, goodput, kept share, age and level over time.
std::string plot(const outcome& seen);

std::string to_json(const std::vector<report>& all);
/// As Jenkins, GitLab and GitHub read it: a test case a run. Of finished reports.
std::string to_junit(const std::vector<report>& all);

}  // namespace sluice::scenario
