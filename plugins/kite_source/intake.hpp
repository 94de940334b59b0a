// kite_source/intake.hpp - from a message's bytes to records.
#pragma once

#include "meters.hpp"
#include "snapshot_filter.hpp"
#include "token_set.hpp"

#include <kite/text.hpp>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::kite_source {

/// What a binary message brought.
struct arrived {
  std::uint32_t ticks = 0;
  bool fresh = false;  ///< one of them at least is not a cached one
};

/// Shared by a source's sockets: they all run in its lane.
class intake {
 public:
  intake(host to, meters& count, std::span<const std::uint32_t> watch);

  /// Pushes a record for each good packet, its payload a view into `frame`; counts and discards
  /// what cannot become one.
  arrived binary(std::span<const std::uint8_t> frame, snapshot_filter& snapshots, time_point now);
  /// Pushes an order update, unless it is a copy of one: each socket may get its own.
  void order(std::string_view json, time_point now);

 private:
  static constexpr std::size_t chunk = SLUICE_BATCH_MAX;

  host host_;
  meters& count_;
  token_set watch_;
  kite::order_memory orders_;
  std::uint16_t tick_schema_, order_schema_;
  std::array<record, chunk> records_{};
};

}  // namespace sluice::kite_source
