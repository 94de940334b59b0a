// flood - a source of full ticks that costs as good as nothing: for what stands behind it to be the
// bottleneck.
#include "feed.hpp"

#include <kite/json.hpp>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace bench {

class flood {
 public:
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr std::array<std::string_view, 1> emits{sluice::kite::tick_schema};
  static constexpr std::array codecs{&sluice::kite::tick_codec};
  static constexpr sluice::description about{"flood", "1.0.0", "Ticks without end.", SLUICE_SOURCE};

  flood(const config&, sluice::host to) : host_{to}, packets_(instruments), ticks_(instruments) {
    const std::uint16_t schema = to.schema(sluice::kite::tick_schema);
    for (std::uint32_t i = 0; i < instruments; ++i) {
      encode_tick(i, instruments, packets_[i].data());
      sluice::record& tick = ticks_[i];
      tick.key = token_of(i);
      tick.schema = schema;
      tick.priority = SLUICE_PRIORITY_NORMAL;
      tick.data = packets_[i].data();
      tick.size = static_cast<std::uint32_t>(packets_[i].size());
      tick.weight = 1;
    }
  }
  void start() { host_.wake_at(host_.now()); }
  void on_timer(sluice::time_point now) {
    for (sluice::record& each : ticks_) each.received_ns = now.time_since_epoch().count();
    host_.push(ticks_);
    host_.wake_at(now);
  }

 private:
  static constexpr std::uint32_t instruments = load{}.instruments;
  sluice::host host_;
  std::vector<std::array<std::uint8_t, 184>> packets_;
  std::vector<sluice::record> ticks_;
};

}  // namespace bench

SLUICE_PLUGIN(bench::flood);
