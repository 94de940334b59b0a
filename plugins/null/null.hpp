// null/null.hpp - the smallest sink: takes everything, keeps nothing.
#pragma once

#include <sluice/stage.hpp>

namespace sluice::null {

class null {
 public:
  struct config {};
  static constexpr std::array<row, 0> fields{};
  static constexpr description about{"null", "0.1.0", "Takes every record and keeps none.",
                                     SLUICE_SINK};

  null(const config&, host) {}
  /// A record that is not answered was published.
  void process(batch&) {}
};

}  // namespace sluice::null
