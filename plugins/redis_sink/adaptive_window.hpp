// How many batches may be in flight, by what their latency says: Vector's Adaptive Request
// Concurrency (src/sinks/util/adaptive_concurrency/controller.rs), with its numbers. Pure.
#pragma once

#include <sluice/record.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace sluice::redis_sink {

/// Begins with one. Of the batches answered within about one latency a decision is made: one more,
/// if all there may be were in flight and the latency did not rise; a tenth less, at least one, if
/// one failed or the latency rose well beyond what it varies by.
class adaptive_window {
 public:
  /// `most`: 1 or more.
  explicit adaptive_window(std::uint32_t most) : most_{most} {}

  void set_most(std::uint32_t most) {
    most_ = most;
    limit_ = std::min(limit_, most);
  }
  std::uint32_t limit() const { return limit_; }

  /// A batch was sent; now so many are in flight.
  void sent(std::uint32_t in_flight) { reached_ |= in_flight >= limit_; }

  /// A batch was answered, `latency` after its first byte.
  void answered(duration latency, time_point now) {
    sum_ += static_cast<double>(latency.count());
    ++count_;
    decide(now);
  }
  /// A batch failed: refused for now, or not answered.
  void failed(time_point now) {
    failed_ = true;
    decide(now);
  }

 private:
  static constexpr double newest_share = 0.4, kept_share = 0.9, deviations = 2.5;

  void decide(time_point now) {
    if (now < next_) return;
    const double mean = count_ == 0 ? 0 : sum_ / count_;
    if (failed_ || (known_ && mean > mean_ + deviations * std::sqrt(variance_)))
      limit_ = std::max(1u, static_cast<std::uint32_t>(limit_ * kept_share));
    else if (known_ && reached_ && mean <= mean_ && limit_ < most_)
      ++limit_;
    if (count_ > 0) learn(mean);
    next_ = now + duration{static_cast<duration::rep>(mean_)};
    sum_ = 0;
    count_ = 0;
    reached_ = failed_ = false;
  }

  /// Exponentially weighted mean and variance.
  void learn(double mean) {
    const double difference = mean - mean_, step = newest_share * difference;
    variance_ = known_ ? (1 - newest_share) * (variance_ + difference * step) : 0;
    mean_ = known_ ? mean_ + step : mean;
    known_ = true;
  }

  std::uint32_t most_, limit_ = 1;
  bool known_ = false;  ///< mean_ and variance_, of the latencies before; ns
  double mean_ = 0, variance_ = 0;
  double sum_ = 0;  ///< since the last decision
  std::uint32_t count_ = 0;
  bool reached_ = false, failed_ = false;
  time_point next_{};
};

}  // namespace sluice::redis_sink
