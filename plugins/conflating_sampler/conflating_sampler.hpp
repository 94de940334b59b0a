// conflating_sampler/conflating_sampler.hpp - the newest quote of each key at a rate; every trade
// at once and in order.
#pragma once

#include "trades.hpp"
#include "windows.hpp"

#include <sampling/state.hpp>
#include <sluice/meters.hpp>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::conflating_sampler {

enum class meter : std::uint8_t { waiting, trades, store_full };

inline constexpr std::array meter_rows{
    gauge(meter::waiting, "waiting", "Quotes that wait for the end of their interval"),
    counter(meter::trades, "trades", "Records that passed at once because they were trades"),
    counter(meter::store_full, "store_full",
            "Quotes that passed at once because no more could be held")};

class conflating_sampler {
 public:
  struct config {
    duration interval{};
    std::string trade_field;
    level from_level{};
  };
  static constexpr auto fields = sluice::fields(
      field<&config::interval>("interval", "Between two quotes of a key, at least.")
          .by_default("333ms")
          .between(1e6, 3.6e12)
          .live(),
      field<&config::trade_field>(
          "trade_field",
          "The number in a record that every trade changes: a record in which it is another than "
          "in its key's last one is a trade. Empty: every record is a quote.")
          .by_default("volume_traded"),
      field<&config::from_level>("from_level", "Below this level every record passes.")
          .one_of("healthy|warning|critical|overload")
          .by_default("healthy")
          .live());
  static constexpr description about{
      "conflating_sampler", "0.1.0",
      "Passes the newest quote of each key at a rate, and every trade in order.", SLUICE_TRANSFORM,
      SLUICE_CAN_HOLD};

  conflating_sampler(const config& given, host with);

  void start() { arm(); }
  void process(batch& records);
  void on_timer(time_point now);
  bool drain(time_point deadline);

  void reconfigure(const config& given);
  static constexpr std::string_view state_schema = sampling::state_schema;
  void save(state_writer& out) const;
  void load(state_reader& in);

 private:
  void conflate(batch& records, record& each);
  void end_windows(time_point now, std::uint32_t position);
  const record* waiting(std::uint32_t key);
  bool release(std::uint32_t key, std::uint32_t position);
  void wait(std::uint32_t key, held_record newest);
  void forget(std::uint32_t key);
  time_point end(std::uint32_t key) const { return windows_.opened(key) + config_.interval; }
  void save_windows(state_writer& out) const;
  void load_windows(state_reader& in);
  void arm();

  config config_;
  const host host_;
  trades trades_;
  windows windows_;                   ///< of keys that passed one within the interval
  std::vector<held_record> waiting_;  ///< by index: the newest quote, while its window is open
  std::size_t waiting_count_ = 0;

  meters<meter_rows> meters_;
};

}  // namespace sluice::conflating_sampler
