// backpressure_monitor/backpressure_monitor.hpp - a service that watches the whole pipeline: rates,
// ratio, latency, depth, errors, memory and CPU, over a second and over a longer window.
#pragma once

#include "limits.hpp"
#include "reading.hpp"
#include "usage.hpp"
#include "window.hpp"

#include <sluice/ext/metrics.h>
#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace sluice::backpressure_monitor {

class backpressure_monitor {
 public:
  struct config {
    duration interval{}, window{};
    double error_rate_warning = 0, error_rate_critical = 0, error_rate_overload = 0;
    double memory_warning = 0, memory_critical = 0, memory_overload = 0;
    double cpu_warning = 0, cpu_critical = 0, cpu_overload = 0;

    limits error_rate() const {
      return {"error_rate", {error_rate_warning, error_rate_critical, error_rate_overload}};
    }
    limits memory() const { return {"memory", {memory_warning, memory_critical, memory_overload}}; }
    limits cpu() const { return {"cpu", {cpu_warning, cpu_critical, cpu_overload}}; }
  };

  static constexpr auto fields = sluice::fields(
      field<&config::interval>("interval", "Time between readings.")
          .by_default("1s")
          .between(1e8, 1e9),
      field<&config::window>("window", "Length of the longer window; the shorter one is 1 s.")
          .by_default("60s")
          .between(1e9, 3'600e9)
          .from_environment("BACKPRESSURE_WINDOW_SECONDS"),
      field<&config::error_rate_warning>("error_rate_warning",
                                         "WARNING when this share of the publishes of the last "
                                         "second failed or was never answered; 0: never.")
          .by_default("0.01")
          .between(0, 1),
      field<&config::error_rate_critical>("error_rate_critical", "CRITICAL, the same.")
          .by_default("0.1")
          .between(0, 1),
      field<&config::error_rate_overload>("error_rate_overload", "OVERLOAD, the same.")
          .by_default("0.5")
          .between(0, 1),
      field<&config::memory_warning>(
          "memory_warning",
          "WARNING when the process holds this share of the memory it may have; 0: never.")
          .by_default("0.7")
          .between(0, 1),
      field<&config::memory_critical>("memory_critical", "CRITICAL, the same.")
          .by_default("0.85")
          .between(0, 1),
      field<&config::memory_overload>("memory_overload", "OVERLOAD, the same.")
          .by_default("0.95")
          .between(0, 1),
      field<&config::cpu_warning>(
          "cpu_warning",
          "WARNING when the process used this share of the CPUs it may use, "
          "over the longer window; 0: never.")
          .by_default("0.95")
          .between(0, 1),
      field<&config::cpu_critical>("cpu_critical", "CRITICAL, the same.")
          .by_default("0")
          .between(0, 1),
      field<&config::cpu_overload>("cpu_overload", "OVERLOAD, the same.")
          .by_default("0")
          .between(0, 1));
  static constexpr description about{
      "backpressure_monitor", "0.1.0",
      "Rates, ratio, latency, depth, errors, memory and CPU of the pipeline, over windows.",
      SLUICE_SERVICE};

  backpressure_monitor(const config& given, host to);
  static void validate(const config& given, problems& found);

  void start() { host_.wake_at(host_.now()); }
  void on_timer(time_point now);

 private:
  struct span {
    window over;
    std::string suffix;  // "_1s"
  };
  /// Calls `visit(name, doc, value)` for every metric, always in the same order.
  template <typename Visit>
  void each_metric(Visit&& visit) const;
  void publish();
  void signal(const limits& by, double value) const;

  config settings_;
  host host_;
  const sluice_metrics* exporter_;
  usage_reader files_;
  std::array<span, 2> spans_;  // the short one, the long one
  reading seen_;
  usage used_;
  std::vector<std::uint32_t> numbers_;
};

}  // namespace sluice::backpressure_monitor
