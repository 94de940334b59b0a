#include "control/commands.hpp"

#include "control/guard_words.hpp"
#include "telemetry/summary.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <cctype>
#include <optional>
#include <stdexcept>

namespace sluice::control {

namespace json = boost::json;

std::string text_key(const json::object& told, std::string_view key, std::string_view allowed) {
  const json::value* found = told.if_contains(key);
  if (found == nullptr || !found->is_string())
    throw std::runtime_error{
        fmt::format("the command has no \"{}\"; allowed are {}", key, allowed)};
  return std::string{found->as_string()};
}

namespace {

std::string breaker_command(runtime::pipeline& on, const json::object& told) {
  const std::string stage =
      told.contains("stage") ? text_key(told, "stage", "the names of breakers, and \"\": all") : "";
  const std::string word = text_key(told, "state", guard_states);
  const std::optional<std::uint32_t> state = guard_state(word);
  if (!state)
    throw std::runtime_error{
        fmt::format("a breaker cannot be told \"{}\"; allowed are {}", word, guard_states)};
  if (on.force_guard(stage, *state) != SLUICE_OK)
    throw std::runtime_error{stage.empty()
                                 ? "the pipeline has no breaker"
                                 : fmt::format("\"{}\" is no breaker of the pipeline", stage)};
  return fmt::format("{}: told {}", stage.empty() ? "every breaker" : stage, word);
}

std::string level_command(runtime::pipeline& on, const json::object& told) {
  std::string word = text_key(told, "level", level_words);
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (word == "AUTOMATIC") {
    on.force_level(std::nullopt);
    return "the level is what the signals say";
  }
  for (std::uint32_t level = SLUICE_HEALTHY; level <= SLUICE_OVERLOAD; ++level)
    if (word == telemetry::level_name(level)) {
      on.force_level(level);
      return fmt::format("the level is {} until told otherwise", word);
    }
  throw std::runtime_error{
      fmt::format("there is no level \"{}\"; allowed are {}", word, level_words)};
}

std::string log_level_command(telemetry::log& log, const json::object& told) {
  constexpr std::string_view allowed = "debug, info, warn and error";
  const std::string word = text_key(told, "level", allowed);
  for (std::uint32_t severity = SLUICE_DEBUG; severity <= SLUICE_ERROR; ++severity)
    if (word == telemetry::severity_name(severity)) {
      log.least(severity);
      return fmt::format("the log says what is {} or worse", word);
    }
  throw std::runtime_error{
      fmt::format("there is no log level \"{}\"; allowed are {}", word, allowed)};
}

}  // namespace

void add_commands(operations& to, runtime::pipeline& on, telemetry::log& log) {
  to.add("breaker",
         R"("stage": a breaker, all if "" or left out; "state": open, automatic, )"
         R"(close, disable or metrics)",
         [&on](const json::object& told) { return breaker_command(on, told); });
  to.add("level", R"("level": automatic, HEALTHY, WARNING, CRITICAL or OVERLOAD)",
         [&on](const json::object& told) { return level_command(on, told); });
  to.add("log-level", R"("level": debug, info, warn or error)",
         [&log](const json::object& told) { return log_level_command(log, told); });
}

}  // namespace sluice::control
