// The verbs that change a running pipeline: swap, reload, confirm.
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "cli/verbs.hpp"
#include "control/client.hpp"
#include "control/run_dir.hpp"
#include "control/tell.hpp"

#include <boost/json.hpp>

#include <stdexcept>
#include <string>

namespace sluice::cli {

namespace json = boost::json;

namespace {

void put(json::object& command, const change_words& asked) {
  if (asked.dry_run) command["dry_run"] = true;
  if (asked.allow_gap) command["allow_gap"] = true;
  if (asked.lose_state) command["lose_state"] = true;
  if (!asked.trial.empty()) command["trial"] = asked.trial;
}

/// Prints the receipt, and answers with the exit code.
int change(const std::string& pipeline, const json::object& command, const std::string& format) {
  const std::string verb{command.at("do").as_string()};
  json::object row;
  try {
    progress shown;
    row = control::tell(control::find_socket(control::run_dirs(), pipeline), command,
                        [&](std::string_view line) { shown.say(line); });
  } catch (const std::runtime_error& why) {
    complain("sluice " + verb + ": " + why.what() + "\n");
    return unavailable;
  }
  const bool as_told = row.at("state").as_string() == "done";
  const std::string text{row.at("result").as_string()};
  if (format == "json" && row.at("receipt").is_object())
    print(json::serialize(row.at("receipt")) + "\n");
  else if (as_told)
    print(text + "\n");
  else
    complain("sluice " + verb + ": " + text + "\nNothing is changed.\n");
  return as_told ? done : failure;
}

}  // namespace

int swap(const swap_options& asked) {
  json::object command{{"do", "swap"}, {"stage", asked.stage}};
  if (!asked.plugin.empty()) command["plugin"] = asked.plugin;
  json::array set;
  for (const std::string& each : asked.set) set.emplace_back(each);
  if (!set.empty()) command["set"] = std::move(set);
  put(command, asked.words);
  return change(asked.pipeline, command, asked.format);
}

int reload(const reload_options& asked) {
  json::object command{{"do", "reload"}};
  put(command, asked.words);
  return change(asked.pipeline, command, asked.format);
}

int confirm(const confirm_options& asked) {
  return change(asked.pipeline, {{"do", "confirm"}}, "text");
}

}  // namespace sluice::cli
