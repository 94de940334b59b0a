// load_shedder/floor.hpp - no instrument goes dark: the first record of each in every second.
#pragma once

#include <sluice/state.hpp>

#include <cstdint>
#include <vector>

namespace sluice::load_shedder {

class floor {
 public:
  /// At most `limit` grants in the second of the host's clock that `now` is in.
  void begin(time_point now, std::int64_t limit) {
    const auto second = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count() + 1);
    if (second != second_) used_ = 0;
    second_ = second;
    limit_ = limit;
  }
  /// A record of this key passed without asking here.
  void note(std::uint32_t index) { seen(index) = second_; }
  /// Whether it is the key's first in this second, and the limit allows it.
  bool grant(std::uint32_t index) {
    std::uint32_t& last = seen(index);
    if (last == second_ || used_ >= limit_) return false;
    last = second_;
    ++used_;
    return true;
  }

  void save(state_writer& out) const {
    out.put(second_);
    out.put(used_);
    out.put(seen_);
  }
  /// Throws std::runtime_error for what no save can have written.
  void load(state_reader& in) {
    second_ = in.get<std::uint32_t>();
    used_ = in.get<std::int64_t>(0, INT32_MAX);
    seen_ = in.get<std::vector<std::uint32_t>>();
  }

 private:
  // Overload is no time to allocate: room for the default pipeline.max_keys from the start.
  static constexpr std::size_t usual_keys = 16'384;

  std::uint32_t& seen(std::uint32_t index) {
    if (index >= seen_.size()) seen_.resize(index + 1);
    return seen_[index];
  }

  std::uint32_t second_ = 0;
  std::int64_t limit_ = 0, used_ = 0;
  std::vector<std::uint32_t> seen_ = std::vector<std::uint32_t>(usual_keys);  ///< by index
};

}  // namespace sluice::load_shedder
