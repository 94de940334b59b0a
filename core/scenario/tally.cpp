#include "scenario/tally.hpp"

#include <algorithm>
#include <bit>

namespace sluice::scenario {

/// A slot ends with the tick at its end: what comes at that very moment belongs to it.
std::size_t tally::slot_of(std::int64_t received_ns) const {
  return static_cast<std::size_t>(
      std::max<std::int64_t>(0, (since_begin(received_ns) - 1) / slot_ns));
}

void tally::mark(std::vector<bits>& in, std::size_t slot, std::uint32_t instrument) const {
  if (in.size() <= slot) in.resize(slot + 1);
  bits& of = in[slot];
  if (of.size() <= instrument / 64) of.resize(instrument / 64 + 1);
  of[instrument / 64] |= std::uint64_t{1} << (instrument % 64);
}

void tally::received(std::span<const std::uint32_t> instruments, std::int64_t now_ns) {
  received_ += instruments.size();
  const std::size_t slot = slot_of(now_ns);
  for (const std::uint32_t each : instruments) {
    ++given_[each];
    mark(seen_in_, slot, each);
  }
}

void tally::arrive(const sent_record& now) {
  std::uint64_t& last = seen_[now.instrument];
  std::uint64_t& newest = newest_[now.instrument][now.priority];
  if (now.seq <= newest)
    ++overtaken_;
  else if (now.seq > last)
    gaps_ += now.seq - last - 1;
  else
    --gaps_;
  newest = std::max(newest, now.seq);
  last = std::max(last, now.seq);
}

void tally::published(std::span<const sent_record> records, std::int64_t now_ns) {
  for (const sent_record& each : records) {
    const std::int64_t age = now_ns - each.received_ns;
    if (age <= good_ns) ++good_now_;
    ages_us_.push_back(static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(age / 1000, 0, std::int64_t{UINT32_MAX})));
    if (each.instrument >= seen_.size()) continue;
    arrive(each);
    mark(seen_out_, slot_of(each.received_ns), each.instrument);
  }
}

void tally::close_slot() {
  good_.push_back(good_now_);
  good_now_ = 0;
  ages_end_.push_back(ages_us_.size());
}

std::uint64_t tally::missing() const {
  std::uint64_t sum = gaps_;
  for (std::size_t i = 0; i < given_.size(); ++i) sum += given_[i] - std::min(given_[i], seen_[i]);
  return sum;
}

std::span<const std::uint32_t> tally::ages(std::size_t from, std::size_t to) const {
  const std::size_t begin = from == 0 ? 0 : ages_end_[from - 1];
  return std::span{ages_us_}.subspan(begin, ages_end_[to - 1] - begin);
}

tally::coverage tally::covered(std::size_t from, std::size_t to) const {
  const auto all = [&](const std::vector<bits>& of, std::size_t word) {
    std::uint64_t joined = 0;
    for (std::size_t slot = from; slot < std::min(to, of.size()); ++slot)
      if (word < of[slot].size()) joined |= of[slot][word];
    return joined;
  };
  coverage found;
  for (std::size_t word = 0; word < (seen_.size() + 63) / 64; ++word) {
    const std::uint64_t came = all(seen_in_, word), went = all(seen_out_, word);
    found.instruments += static_cast<std::uint32_t>(std::popcount(came));
    found.dark += static_cast<std::uint32_t>(std::popcount(came & ~went));
  }
  return found;
}

}  // namespace sluice::scenario
