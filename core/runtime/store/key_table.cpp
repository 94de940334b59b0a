#include "runtime/store/key_table.hpp"

#include <bit>

namespace sluice::runtime {

key_table::key_table(index_space& space)
    : space_{space},
      mask_{std::bit_ceil(std::uint64_t{space.max_keys()} * 2) - 1},
      entries_(mask_ + 1),
      seq_(space.max_keys()) {}

std::uint32_t key_table::index_of(std::uint64_t key) {
  std::uint64_t at = spread(key) & mask_;
  while (entries_[at].index != index_space::none) {
    if (entries_[at].key == key) return entries_[at].index;
    at = (at + 1) & mask_;
  }
  const std::uint32_t index = space_.take(key);
  if (index != index_space::none) entries_[at] = {key, index};
  return index;
}

}  // namespace sluice::runtime
