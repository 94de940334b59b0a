#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "control/client.hpp"
#include "control/commands.hpp"
#include "control/run_dir.hpp"
#include "control/tell.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>

namespace sluice::cli {

namespace json = boost::json;

namespace {

bool is_level(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::array words{"automatic", "healthy", "warning", "critical", "overload"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// "CRITICAL: redis: latency 81.0 ms >= 50 ms".
std::string level_of(std::string_view status) {
  const json::value whole = json::parse(status);
  const std::string_view cause = whole.at("level_cause").as_string();
  return fmt::format("{}{}{}\n", std::string_view{whole.at("level").as_string()},
                     cause.empty() ? "" : ": ", cause);
}

}  // namespace

int level(const level_options& asked) {
  std::vector<std::string> words = asked.words;
  std::string told;
  if (!words.empty() && is_level(words.back())) {
    told = words.back();
    words.pop_back();
  }
  if (words.size() > 1) {
    complain(fmt::format("sluice level: there is no level \"{}\"; allowed are {}\n", words.back(),
                         control::level_words));
    return usage;
  }
  try {
    const auto socket =
        control::find_socket(control::run_dirs(), words.empty() ? "" : words.front());
    print(told.empty()
              ? level_of(control::ask(socket, {"status", 0}))
              : control::done_by(control::tell(socket, {{"do", "level"}, {"level", told}})) + "\n");
    return done;
  } catch (const std::runtime_error& why) {
    complain(std::string{"sluice level: "} + why.what() + "\n");
    return unavailable;
  }
}

}  // namespace sluice::cli
