// Notices that a subscriber is gone, from what Redis answers to PUBLISH: the number of clients that
// a message was handed to. Pure.
#pragma once

#include <sluice/record.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::redis_sink {

/// Channels differ in their subscribers, so what counts is the best received message of a second.
/// Seconds without a message say nothing and are left out.
class reader_watch {
 public:
  static constexpr std::size_t settle = 3;   ///< seconds that a fall must hold: one may be a lull
  static constexpr std::size_t memory = 60;  ///< seconds before, with whose best they are compared

  struct fall {
    std::uint64_t before = 0, now = 0;
  };

  /// Messages were answered; the best received one went to `most` readers. A fall is told once.
  std::optional<fall> saw(std::uint64_t most, time_point now) {
    std::optional<fall> found;
    if (open_ && now - begun_ >= std::chrono::seconds{1}) found = close();
    if (!open_) {
      open_ = true;
      begun_ = now;
    }
    best_ = std::max(best_, most);
    return found;
  }

 private:
  std::optional<fall> close() {
    if (count_ == past_.size()) {
      std::shift_left(past_.begin(), past_.end(), 1);
      --count_;
    }
    past_[count_++] = best_;
    best_ = 0;
    open_ = false;
    if (count_ <= settle) return {};
    const auto recent = past_.begin() + static_cast<std::ptrdiff_t>(count_ - settle);
    const auto end = recent + settle;
    const fall found{*std::max_element(past_.begin(), recent), *std::max_element(recent, end)};
    if (found.now >= found.before) return {};
    std::copy(recent, end, past_.begin());
    count_ = settle;
    return found;
  }

  std::array<std::uint64_t, memory + settle> past_{};  ///< the best of each second, oldest first
  std::size_t count_ = 0;
  std::uint64_t best_ = 0;
  time_point begun_{};
  bool open_ = false;
};

}  // namespace sluice::redis_sink
