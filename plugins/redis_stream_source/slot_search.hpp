// Which node of a cluster serves the stream's slot, as its nodes tell it. Pure.
#pragma once

#include <redis/url.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::redis_stream_source {

class slot_search {
 public:
  /// `seeds`: at least one.
  slot_search(std::vector<redis::place> seeds, std::uint16_t slot);

  std::uint16_t slot() const { return slot_; }
  /// Whom to ask next: the nodes that are known, in turn.
  redis::place next();
  /// The node at `told_by` answered CLUSTER NODES with `text`: who serves the slot, `told_by` if it
  /// is itself; none if nobody does. What nodes it names are known from now on.
  std::optional<redis::place> owner(std::string_view text, const redis::place& told_by);

 private:
  const std::vector<redis::place> seeds_;
  const std::uint16_t slot_;
  std::vector<redis::place> known_;
  std::size_t turn_ = 0;
};

}  // namespace sluice::redis_stream_source
