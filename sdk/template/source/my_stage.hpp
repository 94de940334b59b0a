// my_stage/my_stage.hpp - a source that counts: a record every `interval`.
#pragma once

#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <string_view>

namespace stages {

/// What a record of this source holds: its number, from 1, in decimal digits.
inline constexpr std::string_view count_schema{"my_stage/1"};
/// Explains such a record to whoever gets it, as a sink that writes JSON.
extern const sluice_codec count_codec;

/// A ticker. The host keeps the time: the source asks to be woken, and pushes what is due.
class my_stage {
 public:
  struct config {
    sluice::duration interval{};
  };

  static constexpr auto fields =
      sluice::fields(sluice::field<&config::interval>("interval", "Time between two records.")
                         .by_default("100ms")
                         .between(1e6, 3'600e9));
  static constexpr sluice::description about{"my_stage", "0.1.0", "Counts, a record at a time.",
                                             SLUICE_SOURCE};
  static constexpr std::array emits{count_schema};
  static constexpr std::array codecs{&count_codec};

  my_stage(const config& given, sluice::host host);

  void start();
  void on_timer(sluice::time_point now);

 private:
  sluice::host host_;
  sluice::duration interval_;
  std::uint16_t schema_;
  sluice::time_point next_{};
  std::uint64_t count_ = 0;
};

}  // namespace stages
