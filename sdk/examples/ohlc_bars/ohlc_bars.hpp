// ohlc_bars/ohlc_bars.hpp - a transform that makes a bar of each key's ticks, every second.
#pragma once

#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stages {

// [schema]
/// What a record of the schema bars/1 holds, as these bytes. A schema never changes its meaning: a
/// bar with one more member would be bars/2.
struct bar {
  double open = 0, high = 0, low = 0, close = 0;
  std::uint64_t ticks = 0;
};
inline constexpr std::string_view bar_schema{"bars/1"};
/// Explains such a record to the stages behind: sinks that write JSON, filters that read a field.
extern const sluice_codec bar_codec;
// [/schema]

// [class]
/// Absorbs every record with a price, and emits one bar for each key when the interval is over.
/// Records without a price pass.
class ohlc_bars {
 public:
  struct config {
    sluice::duration interval{};
    std::string price;
  };
  static constexpr auto fields = sluice::fields(
      sluice::field<&config::interval>("interval", "Length of a bar, in step with the clock.")
          .by_default("1s")
          .between(1e8, 86'400e9),
      sluice::field<&config::price>("price", "The field of a record that is its price.")
          .by_default("last_price")
          .between(1, 64));
  static constexpr sluice::description about{"ohlc_bars", "1.0.0",
                                             "Makes bars of each key's prices.", SLUICE_TRANSFORM,
                                             SLUICE_CAN_ABSORB | SLUICE_CAN_EMIT};
  static constexpr std::array emits{bar_schema};
  static constexpr std::array codecs{&bar_codec};

  ohlc_bars(const config& given, sluice::host host);

  void start();
  void process(sluice::batch& records);
  void on_timer(sluice::time_point now);
  bool drain(sluice::time_point deadline);

  static constexpr std::string_view state_schema{"ohlc_bars/1"};
  void save(sluice::state_writer& out);
  void load(sluice::state_reader& in);
  // [/class]

 private:
  struct open_bar {
    sluice::record head{};  ///< of its newest tick, with the time the bar began
    bar prices;
  };
  void add(const sluice::record& tick, double price);
  bool emit_bars(std::uint32_t position);
  void begin_interval(sluice::time_point now);

  sluice::host host_;
  config config_;
  std::uint16_t schema_;
  std::int64_t began_ns_ = 0;          ///< unix time of the current interval
  sluice::time_point end_{};           ///< of it, on the host's clock
  std::vector<std::uint32_t> places_;  ///< by sluice_record.index: in open_, from 1; 0: no bar
  std::vector<open_bar> open_;         ///< in the order of their first ticks
};

}  // namespace stages
