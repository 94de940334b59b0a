// backpressure_monitor/window.hpp - what happened in the last while, as differences of totals.
#pragma once

#include "reading.hpp"

#include <vector>

namespace sluice::backpressure_monitor {

/// Differences between the newest reading and the kept one whose age is closest to the window's
/// length. The totals count everything, so a rate is exact however many records there are; what is
/// kept is at most some 70 readings, however long the window.
class window {
 public:
  explicit window(double length_s);

  /// Totals or a time below those before mean that the counting began anew: what was kept goes.
  void add(const reading& next);

  /// Between the readings compared; 0 until there are two.
  double span_s() const { return kept_.empty() ? 0 : kept_.back().at_s - kept_.front().at_s; }
  /// It has (nearly) its length by now.
  bool full() const { return span_s() >= 0.9 * length_s_; }
  double grown(total which) const;
  /// 0 until there are two readings.
  double per_second(total which) const;
  /// Published per received; 1 if nothing was received.
  double rate_ratio() const;
  /// Publishes that ended, however.
  double attempts() const;
  /// Share of the attempts that failed or were never answered; 0 if there were none.
  double error_ratio() const;
  /// Most pending of the readings in it.
  double pending_max() const;

 private:
  struct sample {
    double at_s = 0;
    totals total{};
    double pending = 0;  // most since the sample before
  };
  bool continues(const sample& next) const;

  double length_s_;
  std::vector<sample> kept_;  // the oldest first
};

}  // namespace sluice::backpressure_monitor
