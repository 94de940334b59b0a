#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "scenario/read.hpp"
#include "scenario/report.hpp"

#include <fmt/format.h>

#include <chrono>
#include <deque>
#include <fstream>
#include <stdexcept>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;
using scenario::report;

report run_one(const scenario::scenario& of, std::uint64_t seed) {
  const auto began = std::chrono::steady_clock::now();
  report made;
  made.of = &of;
  made.seen = scenario::run(of, seed);
  made.verdicts = scenario::judge(of, made.seen);
  made.took_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  made.finish();
  return made;
}

void write(const std::string& file, const std::string& text) {
  std::ofstream out{file};
  out << text;
  if (!out.flush()) throw std::runtime_error{file + ": cannot be written"};
}

/// All files are read before the first is run: a mistake in the last one is told at once.
bool read_all(const test_options& asked, std::deque<scenario::scenario>& scenarios) {
  std::vector<fs::path> files;
  bool sound = true;
  for (const std::string& path : asked.files) sound = add_files(path, files) && sound;
  const plugin::loader plugins = make_loader(asked.from);
  for (const fs::path& file : files) {
    scenario::read_result result =
        scenario::read(file, [&](std::string_view name) { return plugins.find(name); });
    for (const config::diagnostic& each : result.errors) complain(to_string(each) + "\n");
    if (result.read)
      scenarios.push_back(std::move(*result.read));
    else
      sound = false;
  }
  return sound;
}

}  // namespace

int test(const test_options& asked) {
  std::deque<scenario::scenario> scenarios;
  if (!read_all(asked, scenarios)) return bad_configuration;

  const bool one = scenarios.size() == 1 && asked.seeds == 1;
  std::vector<report> all;
  std::size_t failed = 0;
  progress shown;
  for (const scenario::scenario& each : scenarios) {
    const std::uint64_t first = asked.seed.value_or(each.seed);
    for (std::uint64_t seed = first; seed < first + asked.seeds; ++seed) {
      shown.say(fmt::format("{} of {}: {}, seed {}", all.size() + 1, scenarios.size() * asked.seeds,
                            each.name, seed));
      report made = run_one(each, seed);
      shown.clear();
      if (!made.passed()) ++failed;
      if (asked.format == "text")
        print(one || !made.passed() ? made.told : scenario::headline(made));
      all.push_back(std::move(made));
    }
  }
  if (asked.format == "json")
    print(scenario::to_json(all));
  else if (!one)
    print(std::to_string(all.size()) + " runs, " + std::to_string(failed) + " failed\n");
  if (!asked.junit.empty()) write(asked.junit, scenario::to_junit(all));
  return failed == 0 ? done : failure;
}

}  // namespace sluice::cli
