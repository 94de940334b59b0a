#include "cli/conformance.hpp"
#include "config/json.hpp"
#include "config/text.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include <array>

namespace sluice::cli {
namespace {

namespace json = boost::json;
using testing::conformance::result;

constexpr std::string_view indent = "        ";

/// For people; scripts are given plain words.
constexpr std::array<const char*, 3> words{"ok", "FAIL", "skip"},
    plain_words{"pass", "fail", "skip"};

const char* word(const std::array<const char*, 3>& of, result which) {
  return of[static_cast<std::size_t>(which)];
}

std::string line(const case_report& of) {
  const bool skipped = of.came.is == result::skip;
  std::string text = fmt::format("  {:<5} {:<11} {}\n", word(words, of.came.is), of.of->name,
                                 skipped ? "(" + of.came.why + ")" : std::string{of.of->asks});
  if (of.came.is == result::fail)
    for (const std::string& each : config::split(of.came.why, '\n'))
      text += fmt::format("{}{}\n", indent, config::printable(each, 4 * config::longest_message));
  return text;
}

}  // namespace

std::string as_text(const file_report& of) {
  std::string text = fmt::format("{}: {}\n", of.file.string(),
                                 of.what.empty() ? "not a plugin that can be loaded" : of.what);
  for (const case_report& each : of.cases) text += line(each);
  return text + fmt::format("{} cases: {} ok, {} failed, {} skipped\n", of.cases.size(),
                            of.count(result::pass), of.count(result::fail), of.count(result::skip));
}

std::string as_json(const std::vector<file_report>& all) {
  json::array made;
  for (const file_report& file : all) {
    json::array cases;
    for (const case_report& each : file.cases)
      cases.push_back({{"name", each.of->name},
                       {"asks", each.of->asks},
                       {"result", word(plain_words, each.came.is)},
                       {"why", each.came.is == result::pass ? "" : each.came.why},
                       {"took_ms", std::chrono::duration<double, std::milli>{each.took}.count()}});
    made.push_back({{"file", file.file.string()},
                    {"plugin", file.what},
                    {"ok", file.count(result::fail) == 0},
                    {"cases", std::move(cases)}});
  }
  return config::pretty(made);
}

}  // namespace sluice::cli
