// When a feed's frames come and what is in them. Pure.
#pragma once

#include "scenario/curve.hpp"
#include "scenario/random.hpp"
#include "scenario/scenario.hpp"

#include <cstdint>
#include <vector>

namespace sluice::scenario {

/// The load of a feed over time, noise and silence included.
curve load_curve(const feed_spec& feed, const std::vector<fault_spec>& faults, duration lasts,
                 std::uint64_t seed);

struct frame {
  std::int64_t at_ns = SLUICE_NEVER;  ///< since the run's begin
  std::uint32_t ticks = 0;
  bool burst = false;  ///< of each instrument in turn, else drawn
};

/// The frames of a feed in the order of their arrival.
class frame_plan {
 public:
  frame_plan(const feed_spec& feed, const std::vector<fault_spec>& faults, duration lasts,
             std::uint64_t seed);

  /// The next one; at_ns is SLUICE_NEVER if there is none any more.
  const frame& next() const { return next_; }
  void take();

 private:
  struct series {
    burst of;
    std::int64_t due_ns;
    std::uint32_t sent;  // of the sockets' frames due then
  };

  void advance_steady();
  series* earliest();
  void advance(series& of) const;
  void choose();
  bool silent(std::int64_t at_ns) const;

  const feed_spec feed_;
  const std::vector<fault_spec> faults_;
  const std::int64_t lasts_ns_;
  curve load_;
  generator random_;
  std::int64_t steady_ns_ = 0;
  std::vector<series> bursts_;
  std::int64_t arrived_ns_ = 0;
  frame next_;
};

/// Which instrument a tick is of: shares by Zipf's law, the ranks shuffled.
class instrument_draw {
 public:
  instrument_draw(std::uint32_t instruments, double zipf, std::uint64_t seed);

  std::uint32_t drawn();
  std::uint32_t in_turn();
  /// Others become the busiest.
  void shift();

 private:
  std::size_t cut_of(double share) const;

  generator random_;
  std::vector<double> below_;           // by rank: the share of it and all before
  std::vector<std::uint32_t> first_;    // by cut, as many as ranks: the first rank that reaches it
  std::vector<std::uint32_t> of_rank_;  // instruments
  std::uint32_t turn_ = 0;
};

}  // namespace sluice::scenario
