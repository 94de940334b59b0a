// Every plugin that was built exports one symbol, by the word of nm as well as by our own reading.
#include "plugin/elf.hpp"
#include "plugin/image.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace exports_test {

namespace {

namespace fs = std::filesystem;

const std::set<std::string> not_plugins = {"extra_symbol",   "unique_symbol", "no_symbol",
                                           "function_entry", "garbage",       "empty"};

std::vector<fs::path> built_plugins() {
  std::vector<fs::path> files;
  for (const char* directory : {SLUICE_FIXTURES, SLUICE_PLUGINS}) {
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator{directory, absent})
      if (entry.path().extension() == ".so" && !not_plugins.contains(entry.path().stem()))
        files.push_back(entry.path());
  }
  return files;
}

/// The names `nm -D --defined-only` prints, one a line, behind address and type.
std::vector<std::string> by_nm(const fs::path& file) {
  const std::string command = "nm -D --defined-only '" + file.string() + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe{popen(command.c_str(), "r"), &pclose};
  REQUIRE(pipe);
  std::vector<std::string> names;
  char line[4096];
  while (std::fgets(line, sizeof line, pipe.get()) != nullptr) {
    std::string text{line};
    if (!text.empty() && text.back() == '\n') text.pop_back();
    names.push_back(text.substr(text.rfind(' ') + 1));
  }
  return names;
}

TEST_CASE("every plugin exports sluice_plugin_entry and nothing else") {
  const std::vector<fs::path> plugins = built_plugins();
  REQUIRE(plugins.size() > 30);
  for (const fs::path& file : plugins) {
    CAPTURE(file);
    const auto exports = sluice::plugin::read_exports(sluice::plugin::read_whole(file));
    REQUIRE(exports.size() == 1);
    CHECK(exports[0].name == "sluice_plugin_entry");
    CHECK(exports[0].is_data);
    CHECK_FALSE(exports[0].unique);
    CHECK(by_nm(file) == std::vector<std::string>{"sluice_plugin_entry"});
  }
}

}  // namespace

}  // namespace exports_test
