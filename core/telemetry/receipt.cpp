#include "telemetry/receipt.hpp"

#include "telemetry/seconds.hpp"
#include "telemetry/status.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

namespace sluice::telemetry {

namespace json = boost::json;

namespace {

/// What became of the records, and for how long they waited.
std::string outcome_of(const runtime::stage_receipt& stage) {
  std::string text;
  if (!stage.state.empty()) text += fmt::format("state {} handed over, ", stage.state);
  text += fmt::format("{} carried, {} lost", grouped(stage.carried), grouped(stage.lost));
  if (stage.released > 0) text += fmt::format(", {} released", grouped(stage.released));
  if (stage.unknown > 0) text += fmt::format(", {} unknown", grouped(stage.unknown));
  if (stage.pause_ns > 0) text += fmt::format(", paused for {}", short_time(stage.pause_ns));
  if (!stage.proven) text += ", no batch has come to it yet";
  return text;
}

std::string line_of(const runtime::stage_receipt& stage) {
  std::string text =
      fmt::format("{}: {} {}", stage.stage, config::change_name(stage.what), stage.text);
  if (stage.done) text += ": " + outcome_of(stage);
  return text;
}

json::object object_of(const runtime::stage_receipt& stage) {
  return {{"stage", stage.stage},
          {"change", config::change_name(stage.what)},
          {"text", stage.text},
          {"from", stage.from},
          {"to", stage.to},
          {"done", stage.done},
          {"error", stage.error},
          {"state", stage.state},
          {"state_bytes", stage.state_bytes},
          {"carried", stage.carried},
          {"released", stage.released},
          {"lost", stage.lost},
          {"unknown", stage.unknown},
          {"pause_s", seconds(stage.pause_ns)},
          {"proven", stage.proven}};
}

}  // namespace

std::string receipt_text(const runtime::receipt& made) {
  if (!made.done) return made.error;
  std::string text;
  const auto add = [&](const std::string& line) { text += (text.empty() ? "" : "\n") + line; };
  if (made.stages.empty() && made.pipeline.empty()) return "nothing differs from what runs";
  if (made.dry_run) add("nothing is changed; what would be:");
  for (const runtime::stage_receipt& each : made.stages) add(line_of(each));
  for (const std::string& each : made.pipeline) add(each + " changed");
  if (made.trial_ns > 0)
    add(fmt::format("on trial for {}: put back then, unless it is confirmed",
                    short_time(made.trial_ns)));
  return text;
}

std::string receipt_json(const runtime::receipt& made) {
  json::array stages, keys;
  for (const runtime::stage_receipt& each : made.stages) stages.push_back(object_of(each));
  for (const std::string& each : made.pipeline) keys.emplace_back(each);
  return json::serialize(json::object{{"change", made.operation},
                                      {"done", made.done},
                                      {"dry_run", made.dry_run},
                                      {"error", made.error},
                                      {"config_hash", made.hash},
                                      {"trial_s", seconds(made.trial_ns)},
                                      {"stages", std::move(stages)},
                                      {"pipeline", std::move(keys)}});
}

}  // namespace sluice::telemetry
