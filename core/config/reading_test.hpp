// The pipeline of the design with the plugins of fakes_test.hpp, and shorthands to read it.
#pragma once

#include "config/fakes_test.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace sluice::config::fakes {

inline constexpr std::string_view design = R"(
[pipeline]
name = "ticker"

[[stage]]
plugin = "kite_source"
api_key = "${KITE_API_KEY}"
access_token = "${TOKEN}"
mode = "quote"

[[stage]]
plugin = "adaptive_sampler"

[[stage]]
plugin = "circuit_breaker"

[[stage]]
name = "redis"
plugin = "redis_sink"
channel = "ticker:{type}:{key}"
queue = { records = 5_000, bytes = "1MiB", when_full = "conflate", max_delay = "20ms" }
shards = 2

[[service]]
plugin = "http_admin"
)";

inline load_result read(std::string_view text, const environment& variables = test_environment()) {
  return load_text(text, "ticker.toml", find, variables);
}

inline std::string lines(const std::vector<diagnostic>& list) {
  std::string text;
  for (const auto& one : list) text += to_string(one) + "\n";
  return text;
}

inline environment with(std::string name, std::string value) {
  return only({{"KITE_API_KEY", "key"}, {"TOKEN", "t"}, {std::move(name), std::move(value)}});
}

inline const sluice_value& value(const stage_spec& stage, std::string_view key) {
  for (std::uint32_t i = 0; i < stage.plugin->field_count; ++i)
    if (view(stage.plugin->fields[i].key) == key) return stage.settings->data()[i];
  throw std::out_of_range{std::string{key}};
}

}  // namespace sluice::config::fakes
