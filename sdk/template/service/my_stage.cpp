#include "my_stage.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace stages {
namespace {

constexpr std::array<std::string_view, 4> level_names{"HEALTHY", "WARNING", "CRITICAL", "OVERLOAD"};

/// The whole part of a metric's value in Prometheus text, where a line reads: name{labels} value
std::optional<std::size_t> value_of(std::string_view metrics, std::string_view name) {
  std::size_t at = metrics.find("\n" + std::string{name} + "{");
  if (at == std::string_view::npos) return std::nullopt;
  at = metrics.find("} ", at);
  if (at == std::string_view::npos) return std::nullopt;
  std::size_t value = 0;
  const char* digits = metrics.data() + at + 2;
  const auto [end, error] = std::from_chars(digits, metrics.data() + metrics.size(), value);
  return error == std::errc{} ? std::optional{value} : std::nullopt;
}

}  // namespace

void my_stage::on_timer(sluice::time_point now) {
  host_.wake_at(now + interval_);
  const std::string metrics = host_.document("metrics").value_or("");
  const auto level = value_of(metrics, "sluice_level");
  const auto uptime = value_of(metrics, "sluice_uptime_seconds");
  if (!level || *level >= level_names.size() || !uptime)
    return host_.warn("the host gives no metrics that can be read");
  host_.info("level " + std::string{level_names[*level]} + " after " + std::to_string(*uptime) +
             " s");
}

}  // namespace stages

SLUICE_PLUGIN(stages::my_stage);
