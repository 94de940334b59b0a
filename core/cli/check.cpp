#include "cli/output.hpp"

#include "config/json.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

json::array to_json(const std::vector<config::diagnostic>& all) {
  json::array made;
  for (const config::diagnostic& one : all)
    made.push_back(
        {{"file", one.file}, {"line", one.line}, {"column", one.column}, {"message", one.message}});
  return made;
}

/// A block for [pipeline], for [level] and for each stage, with a line for each key.
std::string to_text(const std::vector<config::effective_value>& all) {
  std::string text;
  for (auto block = all.begin(); block != all.end();) {
    const auto end =
        std::find_if(block, all.end(), [&](const auto& one) { return one.owner != block->owner; });
    std::size_t key_width = 0, value_width = 0;
    for (auto one = block; one != end; ++one) {
      key_width = std::max(key_width, one->key.size());
      if (one->value.size() <= 40) value_width = std::max(value_width, one->value.size());
    }
    text += fmt::format("[{}]\n", block->owner);
    for (; block != end; ++block)
      text += fmt::format("{:{}} = {:{}}  # {}\n", block->key, key_width, block->value, value_width,
                          block->origin);
    text += '\n';
  }
  return text;
}

}  // namespace

int check(const check_options& asked) {
  std::vector<fs::path> files;
  bool sound = true;
  for (const std::string& path : asked.paths) sound = add_files(path, files) && sound;

  json::array report;
  for (const fs::path& file : files) {
    const config::load_result result = load(file, asked.from);
    const bool good = result.errors.empty() && (result.warnings.empty() || !asked.deny_warnings);
    sound = sound && good;
    if (asked.format == "json") {
      json::object one{{"file", file.string()},
                       {"ok", good},
                       {"errors", to_json(result.errors)},
                       {"warnings", to_json(result.warnings)}};
      if (asked.effective) one["effective"] = to_json(result.effective);
      report.push_back(std::move(one));
      continue;
    }
    if (asked.effective) print(to_text(result.effective));
    complain(result);
    if (good) print(file.string() + ": ok\n");
  }
  if (asked.format == "json") print(config::pretty(report));
  return sound ? done : bad_configuration;
}

}  // namespace sluice::cli
