#include "control/change_commands.hpp"

#include "config/edit.hpp"
#include "config/text.hpp"
#include "control/commands.hpp"
#include "telemetry/receipt.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::control {

namespace json = boost::json;

namespace {

/// A misspelt key of a command that changes something must not be passed over.
void refuse_unknown(const json::object& told, std::initializer_list<std::string_view> known) {
  for (const auto& [key, unused] : told) {
    if (key == "do" || std::find(known.begin(), known.end(), std::string_view{key}) != known.end())
      continue;
    const std::vector<std::string> names(known.begin(), known.end());
    throw std::runtime_error{fmt::format("{} has no \"{}\"; {}",
                                         std::string_view{told.at("do").as_string()},
                                         std::string_view{key}, config::suggestion(key, names))};
  }
}

bool flag(const json::object& told, std::string_view key) {
  const json::value* given = told.if_contains(key);
  if (given == nullptr) return false;
  if (given->is_bool()) return given->as_bool();
  throw std::runtime_error{fmt::format("\"{}\" is not true or false", key)};
}

std::vector<std::string> texts(const json::object& told, std::string_view key) {
  std::vector<std::string> made;
  const json::value* given = told.if_contains(key);
  if (given == nullptr) return made;
  const auto fail = [&] {
    return std::runtime_error{fmt::format("\"{}\" is not a list of strings \"key=value\"", key)};
  };
  if (!given->is_array()) throw fail();
  for (const json::value& each : given->as_array()) {
    if (!each.is_string()) throw fail();
    made.emplace_back(each.as_string());
  }
  return made;
}

runtime::change_options options_of(const json::object& told) {
  runtime::change_options made;
  made.dry_run = flag(told, "dry_run");
  made.allow_gap = flag(told, "allow_gap");
  made.lose_state = flag(told, "lose_state");
  if (!told.contains("trial")) return made;
  const std::string text = text_key(told, "trial", "durations as 30s");
  const auto length = config::parse_duration(text, false);
  if (!length || *length <= 0)
    throw std::runtime_error{
        fmt::format("\"trial\" is not a duration as 30s, is {}", config::in_quotes(text))};
  made.trial_ns = *length;
  return made;
}

/// What the file says now, and the log is told its warnings, as at the start; with an edit, what it
/// said when it was read, edited.
config::pipeline_spec next_of(const config::pipeline_spec& now,
                              const std::optional<config::stage_edit>& edit,
                              const configuration& from, runtime::pipeline& on) {
  const config::environment variables = from.variables();
  config::load_result read = edit ? config::load_document(config::edited(now, *edit, from.find),
                                                          now.file, from.find, variables)
                                  : config::load(now.file, from.find, variables);
  std::string errors;
  for (const config::diagnostic& each : read.errors)
    errors += (errors.empty() ? "" : "\n") + to_string(each);
  if (!read.pipeline) throw std::runtime_error{errors};
  if (!edit)
    for (const config::diagnostic& each : read.warnings)
      on.tell(SLUICE_WARN, "pipeline", "config_warning", to_string(each));
  return std::move(*read.pipeline);
}

void begin(runtime::pipeline& on, const configuration& from, std::optional<config::stage_edit> edit,
           runtime::change_options with, operations::finish end) {
  on.change(
      [from, edit = std::move(edit), &on](const auto& now) { return next_of(now, edit, from, on); },
      std::move(with),
      [end = std::move(end)](const runtime::receipt& made) {
        end({made.done, telemetry::receipt_text(made), telemetry::receipt_json(made)});
      });
}

}  // namespace

void add_change_commands(operations& to, runtime::pipeline& on, configuration from) {
  to.add_long(
      "swap",
      R"("stage"; "plugin": a name, or a path with a slash, the one it has if left out; "set": )"
      R"(["key=value", ...]; "dry_run", "allow_gap", "lose_state": true or false; "trial": "30s")",
      [&on, from](const json::object& told, operations::finish end) {
        refuse_unknown(told,
                       {"stage", "plugin", "set", "dry_run", "allow_gap", "lose_state", "trial"});
        config::stage_edit edit;
        edit.stage = text_key(told, "stage", "the names of stages");
        if (told.contains("plugin"))
          edit.plugin = text_key(told, "plugin", "the names of plugins, and paths");
        edit.set = texts(told, "set");
        runtime::change_options with = options_of(told);
        with.only = edit.stage;
        begin(on, from, std::move(edit), std::move(with), std::move(end));
      });
  to.add_long("reload", R"("dry_run", "allow_gap", "lose_state": true or false; "trial": "30s")",
              [&on, from](const json::object& told, operations::finish end) {
                refuse_unknown(told, {"dry_run", "allow_gap", "lose_state", "trial"});
                begin(on, from, std::nullopt, options_of(told), std::move(end));
              });
  to.add_long("confirm", "none: what is on trial stays",
              [&on](const json::object& told, operations::finish end) {
                refuse_unknown(told, {});
                on.confirm([end = std::move(end)](bool any) {
                  end({any, any ? "what was on trial stays" : "nothing is on trial"});
                });
              });
}

}  // namespace sluice::control
