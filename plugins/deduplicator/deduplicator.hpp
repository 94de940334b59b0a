// deduplicator/deduplicator.hpp - drops a record that says what its key's last one said.
#pragma once

#include <sluice/stage.hpp>

#include <functional>
#include <vector>

namespace sluice::deduplicator {

class deduplicator {
 public:
  struct config {};
  static constexpr std::array<row, 0> fields{};
  static constexpr description about{"deduplicator", "0.1.0",
                                     "Drops a record whose payload equals its key's last one."};

  deduplicator(const config&, host) {}

  void process(batch& records) {
    for (const record& each : records) {
      if (each.priority == SLUICE_PRIORITY_HIGH) continue;  // never dropped by policy
      if (each.index >= last_.size()) last_.resize(each.index + 1);
      const std::string_view bytes{reinterpret_cast<const char*>(each.data), each.size};
      const std::size_t says = (std::hash<std::string_view>{}(bytes) + each.schema) | 1;
      if (last_[each.index] == says) records.drop(each, reason::conflated);
      last_[each.index] = says;
    }
  }

 private:
  std::vector<std::size_t> last_;  ///< by index: a fingerprint, never 0 once there was a record
};

}  // namespace sluice::deduplicator
