#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "control/client.hpp"
#include "control/guard_words.hpp"
#include "control/run_dir.hpp"
#include "control/tell.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace sluice::cli {

namespace json = boost::json;

namespace {

/// Each guard's state, from a status document; one guard's, if it is named.
std::string states_of(std::string_view document, std::string_view stage) {
  constexpr std::array names{"CLOSED",   "OPEN",        "HALF_OPEN",
                             "DISABLED", "FORCED_OPEN", "METRICS_ONLY"};
  const json::value whole = json::parse(document);
  std::string text;
  for (const json::value& each : whole.at("stages").as_array()) {
    const json::object& one = each.as_object();
    const std::string_view name = one.at("name").as_string();
    if (one.at("kind").as_string() != "guard" || (!stage.empty() && name != stage)) continue;
    const json::value* state = one.at("metrics").as_object().if_contains("state");
    const auto number = state == nullptr ? names.size() : state->to_number<std::size_t>();
    text += fmt::format("{}: {}\n", name, number < names.size() ? names[number] : "unknown");
  }
  if (!text.empty()) return text;
  throw std::runtime_error{stage.empty()
                               ? "the pipeline has no breaker"
                               : fmt::format("\"{}\" is no breaker of the pipeline, and nothing "
                                             "that one can be told; these are {}",
                                             stage, control::guard_states)};
}

}  // namespace

int breaker(const breaker_options& asked) {
  std::vector<std::string> words = asked.words;
  std::string state;
  if (!words.empty() && control::guard_state(words.back())) {
    state = words.back();
    words.pop_back();
  }
  if (words.size() > 1) {
    complain(fmt::format("sluice breaker: there is no \"{}\"; allowed are {}\n", words.back(),
                         control::guard_states));
    return usage;
  }
  const std::string stage = words.empty() ? "" : words.front();
  try {
    const auto socket = control::find_socket(control::run_dirs(), asked.pipeline);
    if (state.empty())
      print(states_of(control::ask(socket, {"status", 0}), stage));
    else
      print(control::done_by(
                control::tell(socket, {{"do", "breaker"}, {"stage", stage}, {"state", state}})) +
            "\n");
    return done;
  } catch (const std::runtime_error& why) {
    complain(std::string{"sluice breaker: "} + why.what() + "\n");
    return unavailable;
  }
}

}  // namespace sluice::cli
