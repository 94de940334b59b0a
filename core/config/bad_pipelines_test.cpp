// Golden files: each tests/config/bad/<name>.toml and all that is said of it, <name>.expected.
// SLUICE_UPDATE_GOLDEN=1 writes the expected files anew.
#include "config/fakes_test.hpp"
#include "config/load.hpp"

#include <doctest/doctest.h>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace bad_pipelines_test {

using namespace sluice::config;

namespace {

std::string contents(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string said_of(const std::filesystem::path& file) {
  const auto result =
      load_text(contents(file), file.filename().string(), fakes::find, fakes::test_environment());
  std::string text;
  for (const auto& error : result.errors) text += to_string(error) + "\n";
  for (const auto& warning : result.warnings) text += "warning: " + to_string(warning) + "\n";
  CHECK_FALSE(result.pipeline);
  return text;
}

/// Lines of one that the other does not have, marked.
std::string difference(const std::string& expected, const std::string& found) {
  const auto lines_not_in = [](const std::string& text, const std::string& other, char mark) {
    std::string out;
    std::istringstream in{text};
    for (std::string line; std::getline(in, line);)
      if (("\n" + other).find("\n" + line + "\n") == std::string::npos) out += mark + line + "\n";
    return out;
  };
  return lines_not_in(expected, found, '-') + lines_not_in(found, expected, '+');
}

}  // namespace

TEST_CASE("everything said of every bad pipeline") {
  std::vector<std::filesystem::path> files;
  for (const auto& one : std::filesystem::directory_iterator{SLUICE_BAD_PIPELINES})
    if (one.path().extension() == ".toml") files.push_back(one.path());
  std::sort(files.begin(), files.end());
  REQUIRE(files.size() >= 20);
  for (const auto& file : files) {
    const auto golden = std::filesystem::path{file}.replace_extension(".expected");
    const std::string found = said_of(file);
    CHECK_MESSAGE(found.find("s3cret") == std::string::npos, file.filename().string());
    CHECK_MESSAGE(!found.empty(), file.filename().string());
    if (std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr) std::ofstream{golden} << found;
    const std::string expected = contents(golden);
    CHECK_MESSAGE(expected == found, file.filename().string() << ":\n"
                                                              << difference(expected, found));
  }
}

}  // namespace bad_pipelines_test
