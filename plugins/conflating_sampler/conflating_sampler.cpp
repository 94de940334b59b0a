#include "conflating_sampler.hpp"

namespace sluice::conflating_sampler {

conflating_sampler::conflating_sampler(const config& given, host with)
    : config_{given},
      host_{with},
      trades_{with, given.trade_field},
      exporter_{with.extension<sluice_metrics>(SLUICE_EXT_METRICS)} {
  struct row {
    std::uint32_t kind;
    std::string_view name, doc;
  };
  static constexpr std::array<row, metrics> rows{{
      {SLUICE_GAUGE, "waiting", "Quotes that wait for the end of their interval"},
      {SLUICE_COUNTER, "trades", "Records that passed at once because they were trades"},
      {SLUICE_COUNTER, "store_full", "Quotes that passed at once because no more could be held"},
  }};
  if (exporter_ == nullptr) return;
  for (std::size_t i = 0; i < metrics; ++i)
    numbers_[i] =
        exporter_->add(host_.raw(), rows[i].kind, borrow(rows[i].name), borrow(rows[i].doc));
}

void conflating_sampler::process(batch& records) {
  const bool conflating =
      records.pressure().level >= static_cast<std::uint32_t>(config_.from_level);
  end_windows(records.now(), 0);
  for (record& each : records) {
    const bool trade = trades_.is(each);
    if (trade) ++value(metric::trades);
    if (conflating && !trade && each.priority != SLUICE_PRIORITY_HIGH) {
      conflate(records, each);
    } else if (release(each.index, records.number(each)) || trade) {  // what waits is older
      windows_.open(each.index, records.now() + config_.interval);
    }
  }
  arm();
}

void conflating_sampler::on_timer(time_point now) {
  host_.wake_at(now + config_.interval);  // should a call below fail, this tries again
  end_windows(now, SLUICE_AT_END);
  arm();
}

/// The last of what was held goes out, earliest due first.
bool conflating_sampler::drain(time_point) {
  for (std::uint32_t key = windows_.first(); key != windows::none; key = windows_.first()) {
    release(key, SLUICE_AT_END);
    windows_.close(key);
  }
  arm();
  return true;
}

void conflating_sampler::conflate(batch& records, record& each) {
  if (windows_.is_open(each.index)) {
    if (const record* older = waiting(each.index)) {
      each.weight += older->weight;
      host_.drop(waiting_[each.index], reason::conflated);
      forget(each.index);
    }
    if (const held_record newest = records.hold(each)) {
      if (each.index >= waiting_.size()) waiting_.resize(each.index + 1);
      waiting_[each.index] = newest;
      ++waiting_count_;
      return;
    }
    ++value(metric::store_full);
  }
  windows_.open(each.index, records.now() + config_.interval);
}

void conflating_sampler::end_windows(time_point now, std::uint32_t position) {
  for (std::uint32_t key = windows_.first(); key != windows::none && windows_.end(key) <= now;
       key = windows_.first()) {
    if (release(key, position))
      windows_.open(key, now + config_.interval);
    else
      windows_.close(key);
  }
}

/// The key's quote that waits, or null. After a fault the host may have let go of it.
const record* conflating_sampler::waiting(std::uint32_t key) {
  if (key >= waiting_.size() || !waiting_[key]) return nullptr;
  const record* found = host_.held(waiting_[key]);
  if (found == nullptr) forget(key);
  return found;
}

/// False when nothing of the key waits.
bool conflating_sampler::release(std::uint32_t key, std::uint32_t position) {
  if (waiting(key) == nullptr) return false;
  host_.release(waiting_[key], position);
  forget(key);
  return true;
}

void conflating_sampler::forget(std::uint32_t key) {
  waiting_[key] = {};
  --waiting_count_;
}

/// One timer, for the window that ends first; none while nothing waits.
void conflating_sampler::arm() {
  host_.wake_at(waiting_count_ > 0 ? windows_.end(windows_.first()) : never);
  value(metric::waiting) = static_cast<double>(waiting_count_);
  if (exporter_ == nullptr) return;
  for (std::size_t i = 0; i < metrics; ++i) exporter_->set(host_.raw(), numbers_[i], values_[i]);
}

}  // namespace sluice::conflating_sampler

SLUICE_PLUGIN(sluice::conflating_sampler::conflating_sampler);
