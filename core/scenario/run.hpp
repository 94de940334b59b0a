// One run of a scenario in virtual time, and what was seen of it each 100 ms.
#pragma once

#include "runtime/snapshot.hpp"
#include "scenario/scenario.hpp"
#include "scenario/tally.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace sluice::scenario {

/// Ways to lose a record: the drop reasons, then `failed` and `unknown`.
inline constexpr std::size_t loss_ways = SLUICE_DROP_REASONS + 2;
std::string loss_name(std::size_t way);

/// 100 ms.
struct slot {
  std::uint64_t received = 0, published = 0, good = 0;
  std::array<std::uint64_t, loss_ways> lost{};
  std::uint64_t held = 0;
  std::uint32_t level = SLUICE_HEALTHY;  ///< at its end
  std::string cause;                     ///< of the level, where it changed

  std::uint64_t lost_total() const;
  std::uint64_t thinned() const { return lost[SLUICE_DROP_SAMPLED] + lost[SLUICE_DROP_SHED]; }
};

struct outcome {
  std::uint64_t seed = 0;
  std::vector<slot> slots;
  std::vector<double> capacity;  ///< by slot: records that the sinks could have taken
  tally seen{0};
  runtime::snapshot end;
  std::vector<runtime::event> events;  ///< the last 1024 at most
  std::vector<std::string> broken;     ///< what must hold in every run and did not
  std::string digest;                  ///< of all that was seen: the same file and seed, the same
};

/// Sees the pipeline every 100 ms, right after its tick, until the drain begins.
using watcher = std::function<void(const runtime::snapshot&)>;

/// Throws std::runtime_error if the pipeline cannot be made.
outcome run(const scenario& of, std::uint64_t seed, const watcher& watch = {});

}  // namespace sluice::scenario
