// adaptive_sampler/adaptive_sampler.hpp - keeps as much as the sink can take, evenly.
#pragma once

#include "fair_shares.hpp"
#include "meters.hpp"
#include "ratio_controller.hpp"

#include <sampling/accumulator.hpp>
#include <sampling/state.hpp>
#include <sluice/stage.hpp>

#include <array>

namespace sluice::adaptive_sampler {

class adaptive_sampler {
 public:
  enum class mode : std::uint8_t { adaptive, fixed };
  enum class method : std::uint8_t { per_key, random, systematic };

  struct config {
    double keep_healthy = 0, keep_warning = 0, keep_critical = 0, keep_overload = 0;
    adaptive_sampler::mode mode{};
    adaptive_sampler::method method{};
    double headroom = 0, down_step = 0, up_step = 0;
    bool fair = false;
    std::uint32_t seed = 0;
  };
  static constexpr auto fields = sluice::fields(
      sampling::keep_healthy<&config::keep_healthy>, sampling::keep_warning<&config::keep_warning>,
      sampling::keep_critical<&config::keep_critical>,
      sampling::keep_overload<&config::keep_overload>,
      field<&config::mode>(
          "mode",
          "adaptive: the level's share is the least that is kept, and as much more "
          "as fits; fixed: exactly the level's share.")
          .one_of("adaptive|fixed")
          .by_default("adaptive")
          .live(),
      field<&config::method>("method",
                             "per_key: evenly within each instrument; random: each record by "
                             "itself; systematic: evenly over all records.")
          .one_of("per_key|random|systematic")
          .by_default("per_key")
          .live(),
      field<&config::headroom>("headroom",
                               "Part of the sink's capacity that adaptive mode fills; the rest "
                               "drains what waits.")
          .by_default("0.97")
          .between(0.1, 1)
          .live()
          .advanced(),
      field<&config::down_step>("down_step", "Most that the ratio falls in 100 ms, adaptive mode.")
          .by_default("0.30")
          .between(0.001, 1)
          .live()
          .advanced(),
      field<&config::up_step>("up_step", "Most that the ratio rises in 100 ms, adaptive mode.")
          .by_default("0.05")
          .between(0.001, 1)
          .live()
          .advanced(),
      field<&config::fair>("fair",
                           "In CRITICAL and above, instruments at or below the fair share are not "
                           "sampled, the busy ones more; adaptive mode, per_key.")
          .by_default("true")
          .live(),
      field<&config::seed>("seed", "Of the random phases; the same seed keeps the same records.")
          .by_default("1")
          .advanced());
  static constexpr description about{"adaptive_sampler", "0.1.0",
                                     "Keeps a share of the records by level and capacity, evenly."};

  static void validate(const config& given, problems& found) {
    sampling::level_table{given}.check(found);
  }

  adaptive_sampler(const config& given, host of);

  void start() { publish(); }
  void process(batch& records);

  void reconfigure(const config& given);
  static constexpr std::string_view state_schema = sampling::state_schema;
  void save(state_writer& out) const;
  void load(state_reader& in);

 private:
  static ratio_controller::settings steering(const config& given) {
    return {given.headroom, given.down_step, given.up_step};
  }
  /// The part of the records to keep now.
  double ratio() const {
    return config_.mode == mode::adaptive ? controller_.ratio() : table_[level_];
  }
  /// Whether the mode and the level call for fair shares.
  bool wants_fair() const {
    return config_.mode == mode::adaptive && config_.fair && config_.method == method::per_key &&
           level_ >= SLUICE_CRITICAL;
  }
  /// Records of priority 1 or of 2. Shares are read once a batch: a record's weight is always of
  /// the share it was kept with.
  struct population {
    double ratio = 1;
    sampling::share kept;  // the same
    fair_shares fair;

    void keep(double part) {
      ratio = part;
      kept = sampling::share{part};
    }
  };
  population& of(const record& each) {
    return each.priority == SLUICE_PRIORITY_LOW ? low_ : normal_;
  }
  void step(time_point now, const sluice_pressure& seen);
  void divide();
  void load_control(state_reader& in, time_point now);
  void load_low(state_reader& in);
  double exempt_share() const { return records_ > 0 ? exempt_ / records_ : 0; }
  template <typename Keep>
  void sample(batch& records, Keep&& keep);
  void publish();

  config config_;
  const host host_;
  meters meters_;
  sampling::level_table table_;
  ratio_controller controller_;
  population normal_, low_;
  sampling::accumulators phases_;
  sampling::random_bits random_;
  sampling::accumulator all_;

  bool fairly_ = false;
  std::uint32_t level_ = SLUICE_HEALTHY;
  double low_floor_ = sampling::largest_share;  // of the last level above HEALTHY
  time_point next_step_{};

  // Lately sampled: halved at each step. What is exempt has its part of the capacity.
  double records_ = 0, exempt_ = 0, lately_low_ = 0;
  std::array<std::uint64_t, 3> sampled_{};  // by priority
};

}  // namespace sluice::adaptive_sampler
