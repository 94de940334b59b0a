#include "slot_search.hpp"

#include <redis/cluster_nodes.hpp>

#include <algorithm>
#include <utility>

namespace sluice::redis_stream_source {

slot_search::slot_search(std::vector<redis::place> seeds, std::uint16_t slot)
    : seeds_{std::move(seeds)}, slot_{slot}, known_{seeds_} {}

redis::place slot_search::next() { return known_[turn_++ % known_.size()]; }

std::optional<redis::place> slot_search::owner(std::string_view text, const redis::place& told_by) {
  const auto nodes = redis::parse_cluster_nodes(text, told_by);
  if (!nodes) return {};
  std::optional<redis::place> found;
  known_ = seeds_;
  for (const redis::cluster_node& each : *nodes) {
    known_.push_back(each.at);
    const bool serves = std::any_of(
        each.slots.begin(), each.slots.end(),
        [this](const auto& range) { return range.first <= slot_ && slot_ <= range.last; });
    // The address by which a node is reached need not be the one that it knows of itself.
    if (serves) found = each.self ? told_by : each.at;
  }
  return found;
}

}  // namespace sluice::redis_stream_source
