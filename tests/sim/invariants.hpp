// What must hold of a pipeline of one sink at each of its ticks, judged by what it shows and the
// requirement's table alone.
#pragma once

#include "runtime/snapshot.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice::sim {

class invariants {
 public:
  /// `in_flight`: the most records its sink may have sent without an answer.
  explicit invariants(std::uint64_t in_flight) : most_in_flight_{in_flight} {}

  /// Each 100 ms but while a change is made, in the order of time.
  void look(const runtime::snapshot& now);
  /// All events of the run: the breaker's transitions.
  void look(const std::vector<runtime::event>& events);

  /// What did not hold, the first few.
  const std::vector<std::string>& broken() const { return broken_; }

 private:
  void broke(const std::string& what);
  void bounds(const runtime::snapshot& now);
  void monotone(const runtime::snapshot& now);
  void level(const runtime::snapshot& now, const runtime::stage_state& sink);
  void step(std::uint32_t from, std::uint32_t to, std::int64_t now_ns);

  const std::uint64_t most_in_flight_;
  std::vector<std::string> broken_;
  std::string at_;
  std::map<std::string, runtime::counters> before_;

  std::uint32_t level_ = SLUICE_HEALTHY;
  bool fell_ = false;
  std::int64_t looked_ns_ = 0, changed_ns_ = 0, hold_ns_ = 2'000'000'000;
  std::int64_t held_ns_ = 0;  // the last time a signal was not beyond the level's exit
  std::uint64_t answered_ = 0;
  std::int64_t unanswered_since_ns_ = 0;  // 0: nothing is in flight
};

}  // namespace sluice::sim
