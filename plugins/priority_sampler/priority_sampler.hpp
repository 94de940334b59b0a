// priority_sampler/priority_sampler.hpp - the watch list whole, the rest sampled.
#pragma once

#include "classes.hpp"

#include <sampling/accumulator.hpp>
#include <sampling/level_table.hpp>
#include <sampling/state.hpp>
#include <sluice/meters.hpp>
#include <sluice/stage.hpp>

namespace sluice::priority_sampler {

enum class meter : std::uint8_t { keep_ratio, watched_instruments };

inline constexpr std::array meter_rows{
    gauge(meter::keep_ratio, "keep_ratio", "Part of the records of priority 1 that is kept now."),
    gauge(meter::watched_instruments, "watched_instruments",
          "Instruments met that are on the watch list.")};

class priority_sampler {
 public:
  struct config {
    std::vector<std::string> watch, best_effort;
    double keep_healthy = 0, keep_warning = 0, keep_critical = 0, keep_overload = 0;
    double best_effort_share = 0;
    std::uint32_t seed = 0;
  };
  static constexpr auto fields = sluice::fields(
      field<&config::watch>("watch",
                            "Instruments that get priority 0 and pass whole: keys, or "
                            "attribute=value; 100 at most.")
          .by_default("[]")
          .live(),
      field<&config::best_effort>("best_effort",
                                  "Instruments that get priority 2: keys, or attribute=value.")
          .by_default("[]")
          .live(),
      sampling::keep_healthy<&config::keep_healthy>, sampling::keep_warning<&config::keep_warning>,
      sampling::keep_critical<&config::keep_critical>,
      sampling::keep_overload<&config::keep_overload>,
      field<&config::best_effort_share>("best_effort_share",
                                        "What is kept of priority 2 where the others lose records: "
                                        "this part of their share.")
          .by_default("0.5")
          .between(sampling::least_share, sampling::largest_share)
          .live(),
      field<&config::seed>("seed", "Of the random phases; the same seed keeps the same records.")
          .by_default("1")
          .advanced());
  static constexpr description about{
      "priority_sampler", "0.1.0", "Keeps the watch list whole and a share of the rest by level."};

  static void validate(const config& given, problems& found);

  priority_sampler(const config& given, host of);

  void start() { publish(); }
  void process(batch& records);

  void reconfigure(const config& given);
  static constexpr std::string_view state_schema = sampling::state_schema;
  void save(state_writer& out) const;
  void load(state_reader& in);

 private:
  void take_level(std::uint32_t level);
  void publish();

  const host host_;
  meters<meter_rows> meters_;
  sampling::level_table table_;
  double best_effort_share_;
  classes classes_;
  sampling::accumulators phases_;

  std::uint32_t level_ = SLUICE_HEALTHY;
  sampling::share normal_, low_;
  std::size_t told_watched_ = 0;
};

}  // namespace sluice::priority_sampler
