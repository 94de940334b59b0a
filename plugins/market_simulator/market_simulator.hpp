// market_simulator/market_simulator.hpp - a source of made-up or recorded Kite ticks.
#pragma once

#include "market.hpp"
#include "replay.hpp"
#include "schedule.hpp"

#include <kite/json.hpp>
#include <kite/limits.hpp>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::market_simulator {

class market_simulator {
 public:
  struct config {
    std::optional<std::string> instruments;
    std::uint32_t count = 0;
    double rate = 0;
    tick_mode mode = tick_mode::full;
    double skew = 0;
    double burst = 0;
    duration burst_duration{};
    duration interval{};
    bool snapshot = false;
    std::uint64_t seed = 0;
    std::uint64_t limit = 0;
    std::optional<std::string> replay;
    double speed = 0;
  };

  static constexpr double second_ns = 1e9;
  static constexpr auto fields = sluice::fields(
      field<&config::instruments>("instruments",
                                  "The broker's instruments file (CSV). Without it instruments "
                                  "are made up.")
          .file(),
      field<&config::count>("count",
                            "Instruments that tick; of a file, the first so many. 0: 100 made-up "
                            "ones, or all of the file up to 9,000.")
          .by_default("0")
          .between(0, static_cast<double>(kite::instruments_per_key))
          .in_unit("instruments"),
      field<&config::rate>("rate", "Ticks a second, over all instruments.")
          .by_default("1000")
          .between(0.001, 10e6)
          .in_unit("1/s")
          .live(),
      field<&config::mode>("mode",
                           "What each tick carries; mixed: each instrument in one of the three.")
          .by_default("full")
          .one_of("ltp|quote|full|mixed"),
      field<&config::skew>("skew",
                           "How much the busiest instruments stand out: the exponent of Zipf's "
                           "law. 0: all tick alike.")
          .by_default("1")
          .between(0, 5),
      field<&config::burst>("burst", "How many times the rate the opening begins with.")
          .by_default("3")
          .between(1, 1'000),
      field<&config::burst_duration>("burst_duration",
                                     "How long the opening takes to calm down to the rate.")
          .by_default("10s")
          .between(0, 3'600 * second_ns),
      field<&config::interval>("interval", "Time between two groups of ticks.")
          .by_default("10ms")
          .between(100'000, 10 * second_ns)
          .live()
          .advanced(),
      field<&config::snapshot>("snapshot",
                               "Begin with one cached tick of each instrument, as the broker does "
                               "after a subscription.")
          .by_default("true"),
      field<&config::seed>("seed", "The same seed makes the same ticks.").by_default("1"),
      field<&config::limit>("limit", "End after so many ticks. 0: never.")
          .by_default("0")
          .in_unit("records"),
      field<&config::replay>("replay",
                             "A recorded session to play instead; of the keys above only "
                             "`instruments` and `limit` then count.")
          .file(),
      field<&config::speed>("speed", "How many times as fast as recorded it is replayed.")
          .by_default("1")
          .between(0.001, 100'000)
          .live());
  static constexpr description about{"market_simulator", "0.1.0",
                                     "Kite ticks made up from a seed, or replayed from a file.",
                                     SLUICE_SOURCE};
  static constexpr std::array<std::string_view, 2> emits{kite::tick_schema, kite::order_schema};
  static constexpr std::array codecs{&kite::tick_codec, &kite::order_codec};

  /// Throws std::runtime_error if a file cannot be read or holds nothing to play.
  market_simulator(const config& given, host to);

  void start();
  void on_timer(time_point now);
  bool drain(time_point);
  void reconfigure(const config& given);

 private:
  void load_instruments();
  void make(time_point now);
  void play(time_point now);
  std::uint16_t schema_of(const std::string& name);
  void end_replay();
  bool limit_reached() const { return settings_.limit != 0 && pushed_ >= settings_.limit; }
  /// Records that may still be pushed, at most `wanted`.
  std::uint64_t allowed(std::uint64_t wanted) const;
  void push(std::size_t count, time_point now);

  config settings_;
  host host_;
  std::uint16_t tick_schema_, order_schema_;
  std::vector<kite::instrument> instruments_;
  std::optional<market> market_;
  std::optional<sluice::market_simulator::replay> replay_;
  schedule schedule_;
  time_point opening_{};          ///< when the schedule, or the replay's speed, began
  std::uint64_t due_before_ = 0;  ///< by the schedules before this one
  time_point next_{};
  std::uint64_t made_ = 0;       ///< of what the schedule says is due
  std::uint64_t pushed_ = 0;     ///< in all
  std::uint64_t snapshots_ = 0;  ///< instruments whose cached tick went out
  bool unknown_schema_told_ = false;
  bool ended_ = false;

  std::array<record, SLUICE_BATCH_MAX> records_{};
  std::array<std::array<std::uint8_t, kite::packet_size_max>, SLUICE_BATCH_MAX> payloads_{};
};

}  // namespace sluice::market_simulator
