// Pipeline files: whatever the text, there is a pipeline that hangs together or an error.
#include "config/fakes_test.hpp"
#include "config/load.hpp"
#include "harness.hpp"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static const config::environment variables =
      config::fakes::only({{"KITE_API_KEY", "key"}, {"EMPTY", ""}, {"NUMBER", "12"}});
  const config::load_result loaded =
      config::load_text(text, "fuzz.toml", config::fakes::find, variables);
  FUZZ_REQUIRE(loaded.pipeline.has_value() == loaded.errors.empty());
  for (const config::diagnostic& each : loaded.errors) FUZZ_REQUIRE(!to_string(each).empty());
  if (!loaded.pipeline) return 0;
  const auto& stages = loaded.pipeline->stages;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    FUZZ_REQUIRE(stages[i].plugin != nullptr && stages[i].settings != nullptr);
    FUZZ_REQUIRE(stages[i].settings->size() == stages[i].plugin->field_count);
    for (const config::edge_spec& edge : stages[i].inputs) FUZZ_REQUIRE(edge.from < i);
  }
  return 0;
}
