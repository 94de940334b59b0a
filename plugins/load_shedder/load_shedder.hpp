// load_shedder/load_shedder.hpp - drops what the worst sink cannot take, never everything.
#pragma once

#include "floor.hpp"
#include "token_bucket.hpp"

#include <sluice/meters.hpp>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>

namespace sluice::load_shedder {

enum class meter : std::uint8_t { shedding, shed_overload, shed_pending, floor_passed };

inline constexpr std::array meter_rows{
    gauge(meter::shedding, "shedding", "1 while records are shed"),
    counter(meter::shed_overload, "shed_overload", "Records shed because the level was OVERLOAD"),
    counter(meter::shed_pending, "shed_pending",
            "Records shed in CRITICAL because too many were pending"),
    counter(meter::floor_passed, "floor_passed",
            "Records beyond capacity that passed: no key goes dark")};

class load_shedder {
 public:
  struct config {
    std::uint64_t pending{};
    duration burst{};
  };
  static constexpr auto fields = sluice::fields(
      field<&config::pending>("pending",
                              "In CRITICAL, sheds while more records than this wait for the sink; "
                              "no more than these may wait while it sheds.")
          .by_default("1000")
          .between(0, 1e9)
          .in_unit("records")
          .live(),
      field<&config::burst>("burst",
                            "How much of the sink's capacity may pass at once, and how much may "
                            "wait, as the time the sink needs for it.")
          .by_default("100ms")
          .between(1e6, 1e10)
          .live());
  static constexpr description about{"load_shedder", "0.1.0",
                                     "Drops what exceeds the sink's capacity while overloaded."};

  load_shedder(const config& given, host with);

  void start();
  void process(batch& records);
  void on_timer(time_point now);

  void reconfigure(const config& given) { config_ = given; }
  static constexpr std::string_view state_schema{"load_shedder/1"};
  void save(state_writer& out) const;
  void load(state_reader& in);

 private:
  enum class trigger : std::uint8_t { none, overload, pending };

  trigger trigger_of(const sluice_pressure& seen) const;
  double excess_of(const sluice_pressure& seen) const;
  std::int64_t rate_of(const sluice_pressure& seen) const;
  void shed(batch& records, trigger cause, bool begins);
  bool passes(std::uint32_t index);
  void turn(bool shedding);
  void tell(time_point now);
  double shed_in_all() const {
    return meters_[meter::shed_overload] + meters_[meter::shed_pending];
  }

  config config_;
  const host host_;
  token_bucket bucket_;
  floor floor_;
  bool unlimited_ = false;  ///< the batch's normal records all pass

  bool shedding_ = false, told_ = false;  ///< told_: what the last event said
  time_point told_at_ = time_point{-std::chrono::hours{1}};
  time_point ends_ = told_at_;   ///< when shedding ends if nothing more comes
  double shed_before_ = 0;       ///< shed in all when what is told of began
  sluice_pressure last_seen_{};  ///< when it shed last

  meters<meter_rows> meters_;
};

}  // namespace sluice::load_shedder
