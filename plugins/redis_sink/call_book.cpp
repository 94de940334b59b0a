#include "call_book.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice::redis_sink {

std::uint16_t call_book::open(publish_buffer& messages, std::span<const std::uint16_t> slots,
                              std::uint64_t id, time_point written) {
  const auto free =
      std::find_if(calls_.begin(), calls_.end(), [](const call& each) { return each.id == 0; });
  assert(free != calls_.end() && id != 0 && slots.size() == messages.count());
  free->id = id;
  free->written = written;
  free->messages.swap(messages);
  free->slots.assign(slots.begin(), slots.end());
  free->endings.assign(slots.size(), {});
  free->told = 0;
  ++open_;
  return static_cast<std::uint16_t>(free - calls_.begin());
}

void call_book::end(ticket of, const sluice_outcome& how) {
  call& its = calls_[of.call];
  assert(its.id != 0 && !its.endings[of.message].known);
  its.endings[of.message] = {how, true};
  const auto count = static_cast<std::uint32_t>(its.endings.size());
  while (its.told < count && its.endings[its.told].known) {
    sluice_outcome piece = its.endings[its.told].how;
    piece.count = 0;
    piece.receivers = 0;
    const auto alike = [&](const ending& next) {
      return next.known && next.how.result == piece.result && next.how.cause == piece.cause &&
             next.how.incident == piece.incident;
    };
    while (its.told < count && alike(its.endings[its.told])) {
      piece.receivers += its.endings[its.told].how.receivers;
      piece.done_ns = std::max(piece.done_ns, its.endings[its.told].how.done_ns);
      ++piece.count;
      ++its.told;
    }
    piece.call = its.id;
    piece.written_ns = its.written.time_since_epoch().count();
    if (its.told == count) {
      its.id = 0;
      --open_;
    }
    owner_.ended(piece);
  }
}

}  // namespace sluice::redis_sink
