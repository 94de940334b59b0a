#include "scenario/models.hpp"

#include "config/settings.hpp"

#include <algorithm>

namespace sluice::scenario {

namespace {

thread_local world* current_world = nullptr;

/// Settings of a stage without keys.
class no_values final : public config::values {
 public:
  const sluice_value* data() const override { return nullptr; }
  std::uint32_t size() const override { return 0; }
  const config::secret_reader* secret(std::uint64_t) const override { return nullptr; }
};

void stand_in(config::stage_spec& real, const sluice_plugin* model) {
  real.plugin = model;
  real.settings = std::make_shared<no_values>();
}

}  // namespace

within::within(world& current) { current_world = &current; }
within::~within() { current_world = nullptr; }

world& within::current() { return *current_world; }

std::uint32_t instruments_of(const feed_spec& feed) {
  std::uint32_t sum = 0;
  for (const group& each : feed.groups) sum += each.instruments;
  return sum;
}

pace pace_of(const config::stage_spec& real) {
  pace made;
  const std::pair<std::string_view, std::int64_t&> keys[] = {
      {"batch", made.batch},
      {"window", made.window},
      {"interval", made.interval},
      {"timeout", made.timeout},
      {"connect_timeout", made.connect_timeout},
      {"backoff_min", made.backoff_min},
      {"backoff_max", made.backoff_max}};
  const std::vector<sluice_field> rows = config::rows_of(*real.plugin);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const sluice_value& value = real.settings->data()[i];
    const bool amount = rows[i].kind == SLUICE_INTEGER || rows[i].kind == SLUICE_DURATION;
    for (const auto& [key, into] : keys)
      if (view(rows[i].key) == key && amount && value.set != 0) into = value.integer;
  }
  return made;
}

config::pipeline_spec with_models(world& of, config::pipeline_spec made) {
  std::erase_if(made.stages, [](const config::stage_spec& each) {
    return each.plugin->kind == SLUICE_SERVICE;  // these stand last: no index changes
  });
  for (config::stage_spec& each : made.stages) {
    const bool fed = std::any_of(of.from.feeds.begin(), of.from.feeds.end(),
                                 [&](const feed_spec& feed) { return feed.stage == each.name; });
    if (fed) {
      of.schemas[each.name] = each.plugin->emit_count > 0 ? std::string{view(each.plugin->emits[0])}
                                                          : std::string{"scenario.tick/1"};
      stand_in(each, &plugin_of<model_feed>);
    } else if (each.plugin->kind == SLUICE_SINK) {
      of.paces[each.name] = pace_of(each);
      of.shards[each.name] = each.shards;
      stand_in(each, &plugin_of<model_sink>);
    }
  }
  return made;
}

}  // namespace sluice::scenario
