// Stages that do as good as nothing, to stand around what is measured.
#pragma once

#include <sluice/stage.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace bench {

struct nothing {};
inline constexpr std::uint32_t batch_size = 64;

/// Pushes `pushes` batches a timer, of full ticks of 1,000 instruments.
struct pusher {
  using config = nothing;
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"pusher", "1.0.0", "Pushes.", SLUICE_SOURCE};
  static constexpr std::uint32_t pushes = 16;
  pusher(const config&, sluice::host given) : host{given}, schema{given.schema("bench/1")} {}
  void start() { host.wake_at(host.now()); }
  void on_timer(sluice::time_point now) {
    for (std::uint32_t i = 0; i < pushes; ++i) {
      for (sluice::record& each : batch) {
        each = {};
        each.key = key++ % 1000;
        each.schema = schema;
        each.priority = SLUICE_PRIORITY_NORMAL;
        each.received_ns = now.time_since_epoch().count();
        each.data = bytes.data();
        each.size = 184;
        each.weight = 1;
      }
      host.push(batch);
    }
    host.wake_at(now);
  }
  sluice::host host;
  std::uint16_t schema;
  std::uint64_t key = 0;
  std::array<std::uint8_t, 184> bytes{};
  std::array<sluice::record, batch_size> batch{};
};

struct passer {
  using config = nothing;
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"passer", "1.0.0", "Keeps everything."};
  passer(const config&, sluice::host) {}
  void process(sluice::batch&) {}
};

struct dropper {
  using config = nothing;
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"dropper", "1.0.0", "Drops everything."};
  dropper(const config&, sluice::host) {}
  void process(sluice::batch& batch) {
    for (const sluice::record& each : batch) batch.drop(each, sluice::reason::shed);
  }
};

struct swallower {
  using config = nothing;
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"swallower", "1.0.0", "A sink.", SLUICE_SINK};
  swallower(const config&, sluice::host) {}
  std::uint32_t ready(std::uint32_t queued, sluice::duration) {
    return std::min(queued, batch_size);
  }
  void process(sluice::batch&) {}
};

}  // namespace bench
