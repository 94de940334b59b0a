#include "conflating_sampler.hpp"

#include <stdexcept>

namespace sluice::conflating_sampler {

conflating_sampler::conflating_sampler(const config& given, host with)
    : config_{given}, host_{with}, trades_{with, given.trade_field}, meters_{with} {}

void conflating_sampler::process(batch& records) {
  const bool conflating =
      records.pressure().level >= static_cast<std::uint32_t>(config_.from_level);
  end_windows(records.now(), 0);
  for (record& each : records) {
    const bool trade = trades_.is(each);
    if (trade) ++meters_[meter::trades];
    if (conflating && !trade && each.priority != SLUICE_PRIORITY_HIGH) {
      conflate(records, each);
    } else if (release(each.index, records.number(each)) || trade) {  // what waits is older
      windows_.open(each.index, records.now());
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
    if (const record* older = waiting(each.index); older != nullptr) {
      if (older->schema == each.schema) {
        each.weight += older->weight;
        host_.drop(waiting_[each.index], reason::conflated);
        forget(each.index);
      } else {  // it says something else
        release(each.index, records.number(each));
        windows_.open(each.index, records.now());
      }
    }
    if (const held_record newest = records.hold(each)) {
      wait(each.index, newest);
      return;
    }
    ++meters_[meter::store_full];
  }
  windows_.open(each.index, records.now());
}

void conflating_sampler::end_windows(time_point now, std::uint32_t position) {
  for (std::uint32_t key = windows_.first(); key != windows::none && end(key) <= now;
       key = windows_.first()) {
    if (release(key, position))
      windows_.open(key, now);
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

void conflating_sampler::wait(std::uint32_t key, held_record newest) {
  if (key >= waiting_.size()) waiting_.resize(key + 1);
  waiting_[key] = newest;
  ++waiting_count_;
}

void conflating_sampler::forget(std::uint32_t key) {
  waiting_[key] = {};
  --waiting_count_;
}

/// One timer, for the window that ends first; none while nothing waits.
void conflating_sampler::arm() {
  host_.wake_at(waiting_count_ > 0 ? end(windows_.first()) : never);
  meters_[meter::waiting] = static_cast<double>(waiting_count_);
  meters_.publish();
}

// --- changes while it runs ----------------------------------------------------------------------

void conflating_sampler::reconfigure(const config& given) {
  config_ = given;
  arm();
}

void conflating_sampler::save(state_writer& out) const {
  using sampling::section;
  sampling::put_section(out, section::windows, [&](state_writer& to) { save_windows(to); });
  sampling::put_section(out, section::trades, [&](state_writer& to) { trades_.save(to); });
  sampling::end_sections(out);
}

/// Every record that is held is of an open window: what is not named here nobody would release.
void conflating_sampler::save_windows(state_writer& out) const {
  std::vector<std::uint32_t> keys;
  std::vector<duration::rep> opened;
  std::vector<std::uint64_t> handles;
  for (std::uint32_t key = windows_.first(); key != windows::none; key = windows_.next(key)) {
    const held_record newest = key < waiting_.size() ? waiting_[key] : held_record{};
    keys.push_back(key);
    opened.push_back(windows_.opened(key).time_since_epoch().count());
    handles.push_back(newest && host_.held(newest) != nullptr ? newest.handle : 0);
  }
  out.put(keys);
  out.put(opened);
  out.put(handles);
}

/// Of a sampler that holds nothing it takes nothing: each key's next quote passes.
void conflating_sampler::load(state_reader& in) {
  sampling::read_sections(in, [&](sampling::section which, state_reader& from) {
    switch (which) {
      case sampling::section::windows: load_windows(from); return true;
      case sampling::section::trades: return trades_.load(from);
      default: return false;
    }
  });
}

void conflating_sampler::load_windows(state_reader& in) {
  const time_point now = host_.now();
  const auto keys = in.get<std::vector<std::uint32_t>>();
  const auto opened = in.get<std::vector<duration::rep>>();
  const auto handles = in.get<std::vector<std::uint64_t>>();
  if (opened.size() != keys.size() || handles.size() != keys.size())
    throw std::runtime_error{"the state's lists are not equally long"};
  time_point before = sampling::long_before(now);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const time_point since{duration{opened[i]}};
    if (keys[i] >= sampling::most_keys || windows_.is_open(keys[i]) || since < before ||
        since > now)
      throw std::runtime_error{"the state's windows are not in the order of time"};
    windows_.open(keys[i], since);
    if (handles[i] != 0) wait(keys[i], held_record{handles[i]});
    before = since;
  }
}

}  // namespace sluice::conflating_sampler

SLUICE_PLUGIN(sluice::conflating_sampler::conflating_sampler);
