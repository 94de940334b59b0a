#include "retry_book.hpp"

#include <algorithm>
#include <cassert>

namespace sluice::redis_sink {

void retry_book::sent(publish_buffer& commands, std::uint64_t id, time_point written) {
  assert(count_ < calls_max && !waiting() && commands.count() > 0);
  kept& made = at(count_);
  made.id = id;
  made.written = written;
  made.commands.swap(commands);
  made.done = made.tries = 0;
  sent_ = ++count_;
}

retry_book::call retry_book::next() const {
  const kept& of = at(sent_);
  const auto all = of.commands.bytes();
  const auto first = of.commands.command(of.done).data() - all.data();
  return {of.id, all.subspan(static_cast<std::size_t>(first)),
          of.commands.labels().subspan(of.done)};
}

std::uint32_t retry_book::sent_again() {
  const std::uint32_t records = records_in(next().commands);
  ++sent_;
  return records;
}

bool retry_book::ended(sluice_outcome& outcome) {
  kept& oldest = at(0);
  const bool lost = outcome.result == SLUICE_PUBLISH_UNKNOWN;
  if (lost) {
    sent_ = 0;
    // Those behind it were lost with it, and may be no worse than it.
    if (outcome.call != oldest.id || ++oldest.tries < tries_max) return false;
  }
  assert(count_ > 0 && outcome.call == oldest.id);
  outcome.written_ns = oldest.written.time_since_epoch().count();
  oldest.tries = 0;
  const auto labels = oldest.commands.labels();
  for (std::uint32_t left = outcome.count; left > 0; ++oldest.done)
    left -= std::min<std::uint32_t>(left, labels[oldest.done].ends);
  if (oldest.done == labels.size()) forget_oldest();
  return true;
}

void retry_book::forget_oldest() {
  first_ = (first_ + 1) % calls_max;
  --count_;
  sent_ = sent_ > 0 ? sent_ - 1 : 0;
}

}  // namespace sluice::redis_sink
