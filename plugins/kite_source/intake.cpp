#include "intake.hpp"

#include <kite/frame.hpp>
#include <kite/json.hpp>

namespace sluice::kite_source {

intake::intake(host to, meters& count, std::span<const std::uint32_t> watch)
    : host_{to},
      count_{count},
      watch_{watch},
      tick_schema_{to.schema(kite::tick_schema)},
      order_schema_{to.schema(kite::order_schema)} {}

arrived intake::binary(std::span<const std::uint8_t> frame, snapshot_filter& snapshots,
                       time_point now) {
  const bool may_be_cached = snapshots.active(now);
  std::size_t filled = 0;
  std::uint32_t cached = 0, unknown_segments = 0;
  const kite::frame_summary found =
      kite::split(frame, [&](kite::bytes_view packet, kite::packet_kind) {
        const std::uint32_t token = kite::peek_token(packet);
        const std::uint32_t exchange_s = kite::peek_exchange_time(packet);
        record& made = records_[filled];
        made = {};
        made.key = token;
        made.schema = tick_schema_;
        made.priority = watch_.contains(token) ? SLUICE_PRIORITY_HIGH : SLUICE_PRIORITY_NORMAL;
        made.received_ns = now.time_since_epoch().count();
        made.exchange_ns = std::int64_t{exchange_s} * 1'000'000'000;
        made.data = packet.data();
        made.size = static_cast<std::uint32_t>(packet.size());
        made.weight = 1;
        if (may_be_cached && snapshots.cached(token, exchange_s)) {
          made.flags = SLUICE_RECORD_SNAPSHOT;
          ++cached;
        }
        if (!kite::known(kite::segment_of(token))) ++unknown_segments;
        if (++filled < chunk) return;
        filled = 0;
        host_.push(records_);
      });
  if (filled != 0) host_.push(std::span{records_}.first(filled));

  count_[meter::frames] += 1;
  count_[meter::bytes] += static_cast<double>(frame.size());
  count_[meter::heartbeats] += found.heartbeat ? 1 : 0;
  count_[meter::snapshots] += cached;
  count_[meter::unknown_segments] += unknown_segments;
  count_[meter::unknown_packets] += found.unknown_lengths;
  count_[meter::damaged_frames] += found.damaged ? 1 : 0;
  const std::uint32_t lost = found.unknown_lengths + (found.damaged ? 1 : 0);
  if (lost != 0) host_.discard(reason::malformed, lost);
  return {found.packets, found.packets > cached};
}

void intake::order(std::string_view json, time_point now) {
  const kite::order_update update = kite::read_order(json);
  if (!update.order_id.empty() && !orders_.first(update)) {
    count_[meter::orders_repeated] += 1;
    return;
  }
  count_[meter::orders] += 1;
  record made{};
  made.key = update.token;
  made.schema = order_schema_;
  made.priority = SLUICE_PRIORITY_HIGH;
  made.received_ns = now.time_since_epoch().count();
  made.data = reinterpret_cast<const std::uint8_t*>(json.data());
  made.size = static_cast<std::uint32_t>(json.size());
  made.weight = 1;
  host_.push(std::span{&made, 1});
}

}  // namespace sluice::kite_source
