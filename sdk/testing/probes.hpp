// The stages on both sides of the one under test.
#pragma once

#include <sluice/testing.hpp>

#include <deque>
#include <vector>

namespace sluice::testing {

class feed;

/// What the probes share with their harness; one harness is for one thread.
struct bench {
  feed* source = nullptr;
  std::vector<output> outputs;
  bool stalled = false;  ///< the collector takes nothing
};

/// Probes made on this thread belong to this bench.
class at_bench {
 public:
  explicit at_bench(bench& current);
  ~at_bench();
};

/// Pushes what the test says.
class feed {
 public:
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"harness_feed", "1.0.0", "What a test pushes.", SLUICE_SOURCE,
                                     0};
  feed(const config&, host given);

  void give(std::span<const input> records);
  void attributes(const std::vector<std::string>& names,
                  const std::vector<std::pair<std::uint64_t, std::vector<std::string>>>& rows);
  void on_timer(time_point now);

 private:
  host host_;
  std::deque<input> waiting_;
};

/// Keeps what comes out.
class collector {
 public:
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"harness_collector", "1.0.0", "What a stage sends on.",
                                     SLUICE_SINK, 0};
  collector(const config&, host given);
  std::uint32_t ready(std::uint32_t, duration) const {
    return bench_.stalled ? 0 : SLUICE_BATCH_MAX;
  }
  void process(batch& records);

 private:
  host host_;
  bench& bench_;
};

}  // namespace sluice::testing
