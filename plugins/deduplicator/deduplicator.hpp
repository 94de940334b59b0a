// deduplicator/deduplicator.hpp - drops a record that says what its key's last one said.
#pragma once

#include <sluice/stage.hpp>

#include <cstdint>
#include <functional>
#include <string_view>
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
      const std::uint64_t says = fingerprint(each);
      if (last_[each.index] == says) records.drop(each, reason::conflated);
      last_[each.index] = says;
    }
  }

 private:
  /// Never 0, which is a key's before its first record.
  static std::uint64_t fingerprint(const record& of) {
    const std::string_view bytes{reinterpret_cast<const char*>(of.data), of.size};
    return (std::hash<std::string_view>{}(bytes) + of.schema) | std::uint64_t{1} << 63;
  }

  std::vector<std::uint64_t> last_;  ///< by index: at most the pipeline's max_keys
};

}  // namespace sluice::deduplicator
