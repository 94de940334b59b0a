#include "runtime/store/attributes.hpp"

#include <sluice/record.hpp>

#include <algorithm>

namespace sluice::runtime {

std::string_view attribute_view::get(std::uint32_t index, std::string_view name) const {
  if (index >= places_.size() || places_[index].table >= tables_.size()) return {};
  const table& in = *tables_[places_[index].table];
  const auto found = std::find(in.names.begin(), in.names.end(), name);
  if (found == in.names.end()) return {};
  return in.values[places_[index].row * in.names.size() +
                   static_cast<std::size_t>(found - in.names.begin())];
}

void attributes::publish(std::uint32_t source, std::span<const sluice_str> names,
                         std::span<const row> rows) {
  auto made = std::make_shared<attribute_view::table>();
  for (const sluice_str& name : names) made->names.emplace_back(sluice::view(name));
  made->values.reserve(rows.size() * names.size());
  for (const row& each : rows)
    for (std::size_t i = 0; i < names.size(); ++i)
      made->values.emplace_back(sluice::view(each.values[i]));

  const std::lock_guard lock{mutex_};
  auto next = std::make_shared<attribute_view>(*view_);
  if (next->tables_.size() <= source) next->tables_.resize(source + 1);
  next->tables_[source] = std::move(made);
  for (attribute_view::place& place : next->places_)
    if (place.table == source) place = {};
  for (std::uint32_t i = 0; i < rows.size(); ++i) {
    const std::uint32_t index = rows[i].index;
    if (next->places_.size() <= index) next->places_.resize(index + 1);
    next->places_[index] = {source, i};
  }
  ++next->generation;
  generation_.store(next->generation, std::memory_order_release);
  view_ = std::move(next);
}

std::shared_ptr<const attribute_view> attributes::view() const {
  const std::lock_guard lock{mutex_};
  return view_;
}

}  // namespace sluice::runtime
