#include "runtime/edges.hpp"

#include "runtime/lane.hpp"
#include "runtime/stage.hpp"
#include "runtime/store/key_table.hpp"

#include <algorithm>

namespace sluice::runtime {

condition::condition(const config::where_spec& spec, schemas& formats)
    : always_{spec.empty()}, attributes_{spec.attributes} {
  for (const std::uint8_t priority : spec.priorities) priorities_ |= 1u << priority;
  for (const std::string& name : spec.schemas) schemas_.push_back(formats.number(name));
}

bool condition::holds(const sluice_record& record, const attribute_view& view) {
  if (always_) return true;
  if (priorities_ != 0 && (priorities_ >> record.priority & 1u) == 0) return false;
  if (!schemas_.empty() &&
      std::find(schemas_.begin(), schemas_.end(), record.schema) == schemas_.end())
    return false;
  if (attributes_.empty()) return true;
  if (generation_ != view.generation) {
    std::fill(verdicts_.begin(), verdicts_.end(), unasked);
    generation_ = view.generation;
  }
  if (verdicts_.size() <= record.index) verdicts_.resize(record.index + 1u, unasked);
  std::uint8_t& verdict = verdicts_[record.index];
  if (verdict == unasked) verdict = attributes_hold(record.index, view) ? yes : no;
  return verdict == yes;
}

bool condition::attributes_hold(std::uint32_t index, const attribute_view& view) const {
  return std::all_of(attributes_.begin(), attributes_.end(), [&](const auto& wanted) {
    const std::string_view value = view.get(index, wanted.name);
    return std::find(wanted.values.begin(), wanted.values.end(), value) != wanted.values.end();
  });
}

void edge::send(sluice_record* records, std::uint32_t count, lane& from) {
  if (next_ != nullptr) return next_->accept(records, count);
  const auto push = [&](const port& to, std::span<const sluice_record> part) {
    to.queue->push(part, from.now(), [&] {
      to.behind->notify();
      from.still_alive();
    });
    to.behind->notify();
  };
  if (ports_.size() == 1) return push(ports_.front(), {records, count});
  // Runs of records for the same shard go together; order per key is kept.
  std::uint32_t begin = 0;
  const auto shard = [&](std::uint32_t i) { return spread(records[i].key) % ports_.size(); };
  while (begin < count) {
    const std::uint64_t number = shard(begin);
    std::uint32_t end = begin + 1;
    while (end < count && shard(end) == number) ++end;
    push(ports_[number], {records + begin, end - begin});
    begin = end;
  }
}

bool edge::look_ahead(sluice_waiting& worst) const {
  if (next_ != nullptr) return next_->look_ahead(worst);
  for (const port& to : ports_) {
    const sluice_waiting seen = to.behind->waiting();
    worst.pending = std::max(worst.pending, seen.pending);
    worst.fill = std::max(worst.fill, seen.fill);
    worst.free_records = std::min(worst.free_records, seen.free_records);
    worst.free_bytes = std::min(worst.free_bytes, seen.free_bytes);
  }
  return !ports_.empty();
}

}  // namespace sluice::runtime
