#include "key_attributes.hpp"

#include <string_view>
#include <utility>

namespace sluice::redis_stream_source {

key_attributes::key_attributes(std::vector<std::string> names, host to)
    : names_{std::move(names)},
      host_{to},
      table_{to.extension<sluice_attributes>(SLUICE_EXT_ATTRIBUTES)} {}

void key_attributes::learn(std::span<const entry> entries) {
  if (names_.empty() || table_ == nullptr) return;
  bool changed = false;
  for (const entry& each : entries) changed |= learn(each);
  if (changed) publish();
}

/// A key without attributes has a row too: so what is not in a full table has no records either.
bool key_attributes::learn(const entry& from) {
  if (!from.keyed) return false;
  auto at = rows_.find(from.key);
  bool changed = at == rows_.end();
  if (changed) {
    if (full_) return false;
    at = rows_.try_emplace(from.key, names_.size()).first;
  }
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const std::string& value = from.attributes[i];
    if (!is_value(value) || at->second[i] == value) continue;
    at->second[i] = value;
    changed = true;
  }
  return changed;
}

bool key_attributes::is_value(std::string_view text) {
  if (text.size() > value_max && !std::exchange(too_long_, true))
    host_.alert("attribute_too_long",
                "an entry's field among `attributes` has more than 256 bytes: "
                "such values are left out");
  return !text.empty() && text.size() <= value_max;
}

void key_attributes::publish() {
  std::vector<sluice_str> names, values;
  for (const std::string& name : names_) names.push_back(borrow(name));
  values.reserve(rows_.size() * names_.size());
  std::vector<sluice_key_row> rows;
  rows.reserve(rows_.size());
  for (const auto& [key, texts] : rows_) {
    rows.push_back({key, values.data() + values.size()});
    for (const std::string& text : texts) values.push_back(borrow(text));
  }
  full_ = table_->publish(host_.raw(), names.data(), static_cast<std::uint32_t>(names.size()),
                          rows.data(), rows.size()) == SLUICE_FULL;
}

}  // namespace sluice::redis_stream_source
