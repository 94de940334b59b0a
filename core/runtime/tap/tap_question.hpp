// What somebody wants to see of a stage's records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace sluice::runtime {

/// The records that leave a stage; of a sink and its guard, those the sink is given.
struct tap_question {
  std::string stage;  ///< all its shards, or one of them, "redis/0"
  std::optional<std::uint64_t> key{};
  std::optional<std::uint8_t> priority{};
  std::string schema{};     ///< empty: any
  std::uint32_t every = 1;  ///< of those, each n-th; 1 or more

  bool operator==(const tap_question&) const = default;
};

}  // namespace sluice::runtime
