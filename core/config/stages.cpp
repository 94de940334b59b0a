#include "config/stages.hpp"

#include "config/effective.hpp"
#include "config/plugin_rows.hpp"
#include "config/text.hpp"
#include "plugin/within_limit.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <utility>

namespace sluice::config {

namespace {

/// A requirement's variable that switches off every stage of a plugin.
struct off_switch {
  std::string_view variable, plugin;
};
constexpr std::array<off_switch, 2> off_switches{
    {{"ENABLE_ADAPTIVE_SAMPLING", "adaptive_sampler"}, {"ENABLE_LOAD_SHEDDING", "load_shedder"}}};

/// A requirement's variable that is a host key of every stage of a plugin.
constexpr std::string_view buffer_variable = "REDIS_BUFFER_SIZE";
constexpr std::string_view buffer_plugin = "redis_sink";

std::string plugin_name(const stage_draft& draft) {
  return draft.known() ? std::string{view(draft.found.plugin->name)}
                       : std::filesystem::path{draft.keys.plugin}.stem().string();
}

void find_plugin(stage_draft& draft, const plugin_lookup& find, reading& state) {
  if (draft.keys.plugin.empty()) return;  // reported as missing
  const entry* given = draft.table->find("plugin");
  const place at = given == nullptr ? draft.at : given->value.at;
  try {
    draft.found = find(draft.keys.plugin);
  } catch (const std::exception& reason) {
    state.out.error(at, std::string{"plugin: "} + reason.what());
    return;
  }
  const auto problems = row_problems(*draft.found.plugin);
  for (const std::string& problem : problems)
    state.out.error(at, "plugin: " + in_quotes(draft.keys.plugin) + " cannot be used: " + problem);
  if (!problems.empty()) draft.found = {};
}

void name_stage(stage_draft& draft, reading& state) {
  const entry* given = draft.table->find("name");
  draft.name_at = given == nullptr ? draft.at : given->value.at;
  draft.name = draft.keys.name.value_or(plugin_name(draft));
  if (draft.keys.name && !is_name(*draft.keys.name))
    state.out.error(draft.name_at,
                    "name: must be 1 to 64 letters, digits, _ - or ., not beginning with - or ., "
                    "is " +
                        in_quotes(*draft.keys.name));
}

/// The queue as the file and the environment say; nothing if neither does.
std::optional<queue_spec> read_queue(const stage_draft& draft, reading& state) {
  const entry* given = draft.table->find("queue");
  if (given != nullptr && given->value.is != node::type::table) {
    state.out.error(given->value.at,
                    "queue: must be a table such as { records = 10_000, when_full "
                    "= \"drop_oldest\" }, not " +
                        std::string{describe(given->value.is)});
    given = nullptr;
  }
  if (given == nullptr && !draft.is(SLUICE_SINK)) return std::nullopt;
  const section from{given == nullptr ? nullptr : &given->value,
                     given == nullptr ? draft.at : given->at, draft.name, "queue."};
  refuse_unknown(from, key_names<queue_keys>(), state);

  auto rows = raw_rows<queue_keys>();
  // `records` is a variable's only where it means a Redis sink's buffer.
  if (draft.known() && view(draft.found.plugin->name) == buffer_plugin)
    rows.front().environment = borrow(buffer_variable);
  const auto keys = read_keys<queue_keys>(from, state, rows);
  return queue_spec{keys.records, keys.bytes.bytes, keys.when_full, keys.max_delay.count()};
}

/// The file and the requirement's variables can each switch a stage off.
void read_switches(stage_draft& draft, reading& state) {
  if (!draft.keys.enabled) draft.off_by = "enabled";
  if (!draft.known()) return;
  for (const off_switch& one : off_switches) {
    if (view(draft.found.plugin->name) != one.plugin) continue;
    const auto by = switched_off(one.variable, in_quotes(draft.name), state);
    if (!by) continue;
    draft.off_by = *by;
    amend(state, draft.name, "enabled", "false", *by);
  }
}

/// Why a host key means nothing for this kind of stage; empty if it means something.
std::string misplaced(const stage_draft& draft, std::string_view key) {
  const bool source = draft.is(SLUICE_SOURCE), guard = draft.is(SLUICE_GUARD);
  if (key == "shards" && !draft.is(SLUICE_SINK)) return "only a sink has shards";
  if (key == "hold" && !draft.can(SLUICE_CAN_HOLD))
    return in_quotes(plugin_name(draft)) + " does not hold records";
  if ((key == "from" || key == "where") && source) return "a source has no inputs";
  if (key == "queue" && source) return "a source has no queue: give one to a stage behind it";
  if (key == "queue" && guard) return "a guard has no queue: write it in its sink's table";
  if (key == "enabled" && !guard && !draft.is(SLUICE_TRANSFORM))
    return "only a transform or a guard can be passed by; leave this stage out instead";
  return {};
}

void refuse_misplaced(const stage_draft& draft, reading& state) {
  if (!draft.known() || draft.service) return;
  for (const std::string_view key : reserved_keys)
    if (const std::string why = misplaced(draft, key); !why.empty() && draft.given(key))
      state.out.error(draft.place_of(key), std::string{key} + ": " + why);
  if (draft.keys.fault_policy == on_fault::bypass && !draft.is(SLUICE_TRANSFORM) &&
      !draft.is(SLUICE_GUARD))
    state.out.error(draft.place_of("on_fault"),
                    "on_fault: only a transform or a guard can be bypassed; allowed here is "
                    "\"stop\"");
}

/// What was recorded of the host's keys from `first` on: under the stage's name, known by now, and
/// without what means nothing for it.
void tell_host_keys(const stage_draft& draft, std::size_t first, reading& state) {
  const auto begin = state.effective.begin() + static_cast<std::ptrdiff_t>(first);
  state.effective.erase(std::remove_if(begin, state.effective.end(),
                                       [&](const effective_value& one) {
                                         return draft.known() && !draft.service &&
                                                !misplaced(draft, one.key).empty();
                                       }),
                        state.effective.end());
  for (auto one = state.effective.begin() + static_cast<std::ptrdiff_t>(first);
       one != state.effective.end(); ++one)
    one->owner = draft.name;
}

void refuse_wrong_kind(const stage_draft& draft, reading& state) {
  if (!draft.known()) return;
  const bool is_service = draft.is(SLUICE_SERVICE);
  if (is_service == draft.service) return;
  const entry* given = draft.table->find("plugin");
  state.out.error(given == nullptr ? draft.at : given->value.at,
                  "plugin: " + in_quotes(plugin_name(draft)) +
                      (is_service ? " is a service: write it as [[service]]"
                                  : " is not a service: write it as [[stage]]"));
}

void refuse_unknown_keys(const stage_draft& draft, const section& from, reading& state) {
  std::vector<std::string> names;
  if (draft.service) {
    names = key_names<service_keys>();
  } else {
    names.assign(reserved_keys.begin(), reserved_keys.end());
  }
  // Without its plugin there is no telling what else is allowed.
  if (!draft.known()) return;
  for (std::string& key : keys_of(rows_of(*draft.found.plugin))) names.push_back(std::move(key));
  refuse_unknown(from, names, state);
}

/// "key: message" lines of the plugin's own check, each at its key.
void report_problems(std::string_view problems, std::string_view unnamed, const section& from,
                     std::span<const std::string> keys, reading& state) {
  for (const std::string& line : split(problems, '\n')) {
    if (trimmed(line).empty()) continue;
    const std::string key = line.substr(0, line.find(':'));
    const bool named = std::find(keys.begin(), keys.end(), key) != keys.end();
    const std::string text = printable(without_password(line), longest_message);
    state.out.error(named ? place_of(from, key) : from.at,
                    named ? text : std::string{unnamed} + text);
  }
}

struct validation {
  sluice_status status = SLUICE_OK;
  std::string problems;
};

/// The plugin's rules across keys. Throws plugin::hung.
validation validate(const found_plugin& found, const std::shared_ptr<const values>& settings) {
  if (found.plugin->validate == nullptr) return {};
  const std::string what =
      found.file.empty() ? std::string{view(found.plugin->name)} : found.file.string();
  return plugin::within_limit(what + ": validate", [found, settings] {
    std::array<char, 4096> buffer{};
    sluice_text text{buffer.data(), buffer.size(), 0};
    validation made;
    made.status = found.plugin->validate(settings->data(), settings->size(), &text);
    made.problems.assign(buffer.data(), std::min<std::size_t>(text.size, buffer.size()));
    return made;
  });
}

}  // namespace

std::shared_ptr<const values> read_settings(const found_plugin& found, const section& from,
                                            reading& state) {
  const sluice_plugin& plugin = *found.plugin;
  const std::size_t before = state.out.errors.size();
  const auto rows = rows_of(plugin);
  auto settings = store(read_rows(rows, from, state));
  if (state.out.errors.size() != before) return nullptr;
  validation answer;
  try {
    answer = validate(found, settings);
  } catch (const plugin::hung& why) {
    state.out.error(place_of(from, "plugin"), std::string{"plugin: "} + why.what());
    return nullptr;
  }
  if (answer.status == SLUICE_OK) return settings;
  const std::string name = in_quotes(view(plugin.name));
  if (trimmed(answer.problems).empty())
    state.out.error(from.at, name + " refuses its settings without saying why");
  else
    report_problems(
        answer.problems,
        answer.status == SLUICE_FAULT ? name + " failed to check its settings: " : name + ": ",
        from, keys_of(rows), state);
  return nullptr;
}

stage_draft read_stage(const node& table, bool service, const plugin_lookup& find, reading& state) {
  stage_draft draft;
  draft.table = &table;
  draft.at = table.at;
  draft.service = service;
  const auto text_of = [&](std::string_view key) {
    const entry* one = table.find(key);
    return one != nullptr && one->value.is == node::type::string ? one->value.text : std::string{};
  };
  // Messages name the stage; its own keys are read before its name is known.
  const std::string called = text_of("name").empty() ? text_of("plugin") : text_of("name");
  section from{&table, draft.at, called, ""};
  const std::size_t before = state.out.errors.size(), first = state.effective.size();
  if (service) {
    auto keys = read_keys<service_keys>(from, state);
    draft.keys.plugin = std::move(keys.plugin);
    draft.keys.name = std::move(keys.name);
  } else {
    draft.keys = read_keys<stage_keys>(from, state);
    draft.bad_from = draft.given("from") && !draft.keys.from;
  }
  if (state.out.errors.size() != before && draft.keys.plugin.empty()) {
    draft.name = called;
    draft.name_at = draft.at;
    return draft;
  }
  find_plugin(draft, find, state);
  name_stage(draft, state);
  from.owner = draft.name;
  tell_host_keys(draft, first, state);
  refuse_wrong_kind(draft, state);
  refuse_unknown_keys(draft, from, state);
  refuse_misplaced(draft, state);
  if (draft.known()) draft.settings = read_settings(draft.found, from, state);
  if (!service) {
    draft.queue = read_queue(draft, state);
    draft.where = read_where(table, draft.name, state);
    read_switches(draft, state);
  }
  return draft;
}

}  // namespace sluice::config
