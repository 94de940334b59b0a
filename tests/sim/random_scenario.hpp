// A scenario of the ticker pipeline, all of it from one seed: settings, load, faults.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::sim {

struct random_scenario {
  std::string text;                     ///< a scenario file, for `sluice test`
  std::uint32_t batch = 0, window = 0;  ///< of its sink
};

/// 60 s at 1,000 ticks/s. With a `directory` a spool stands before the breaker. Bursts and faults
/// end by 28 s; within 30 s of the last of them the sink is to be HEALTHY and to lose nothing more.
/// The hold doubles up to 4 s only: with the default's 16 s three levels down may take 48 s after
/// enough relapses.
random_scenario make_scenario(std::uint64_t seed, const std::string& directory = {});

}  // namespace sluice::sim
