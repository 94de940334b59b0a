#include "call_book.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace sluice::redis_sink {
namespace {

bool alike(const sluice_outcome& one, const sluice_outcome& other) {
  return one.result == other.result && one.cause == other.cause && one.incident == other.incident;
}

}  // namespace

std::uint16_t call_book::open(publish_buffer& commands, std::uint64_t id, time_point written) {
  const auto free =
      std::find_if(calls_.begin(), calls_.end(), [](const call& each) { return each.id == 0; });
  assert(free != calls_.end() && id != 0 && commands.count() > 0);
  free->id = id;
  free->written = written;
  free->commands.swap(commands);
  free->endings.assign(free->commands.count(), {});
  free->told = 0;
  ++open_;
  return static_cast<std::uint16_t>(free - calls_.begin());
}

/// The records whose last command is the next with such: as the worst of their commands. None
/// (count 0) while an answer is missing.
sluice_outcome call_book::next_records(call& of) {
  sluice_outcome worst{};
  const auto labels = of.commands.labels();
  for (std::uint32_t at = of.told; at < labels.size() && of.endings[at].known; ++at) {
    const sluice_outcome& how = of.endings[at].how;
    if (how.result > worst.result) {
      worst.result = how.result;
      worst.cause = how.cause;
      worst.incident = how.incident;
    }
    worst.receivers += how.receivers;
    worst.done_ns = std::max(worst.done_ns, how.done_ns);
    if (labels[at].ends == 0) continue;
    worst.count = labels[at].ends;
    of.told = at + 1;
    return worst;
  }
  return {};
}

void call_book::end(ticket of, const sluice_outcome& how) {
  call& its = calls_[of.call];
  assert(its.id != 0 && !its.endings[of.command].known);
  its.endings[of.command] = {how, true};
  const std::uint64_t id = its.id;
  sluice_outcome piece{}, next = next_records(its);
  while (next.count > 0) {
    piece = next;
    for (next = next_records(its); next.count > 0 && alike(piece, next); next = next_records(its)) {
      piece.count += next.count;
      piece.receivers += next.receivers;
      piece.done_ns = std::max(piece.done_ns, next.done_ns);
    }
    if (next.count == 0 && its.told == its.commands.count()) {
      its.id = 0;
      --open_;
    }
    piece.call = id;
    piece.written_ns = its.written.time_since_epoch().count();
    owner_.ended(piece);
  }
}

}  // namespace sluice::redis_sink
