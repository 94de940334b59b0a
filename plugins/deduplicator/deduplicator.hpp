// deduplicator/deduplicator.hpp - drops a record that says what its key's last one said.
#pragma once

#include <sluice/stage.hpp>

#include <cstdint>
#include <functional>
#include <stdexcept>
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
      const std::string_view bytes{reinterpret_cast<const char*>(each.data), each.size};
      const std::uint64_t says = (std::hash<std::string_view>{}(bytes) + each.schema) | 1;
      if (last_[each.index] == says) records.drop(each, reason::conflated);
      last_[each.index] = says;
    }
  }

  static constexpr std::string_view state_schema{"deduplicator/1"};
  void save(state_writer& out) const { out.put(last_); }
  void load(state_reader& in) {
    last_ = in.get<std::vector<std::uint64_t>>();
    if (!in.at_end()) throw std::runtime_error{"the state goes on behind its end"};
  }

 private:
  std::vector<std::uint64_t> last_;  ///< by index: a fingerprint, never 0 once there was a record
};

}  // namespace sluice::deduplicator
