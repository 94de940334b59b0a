// `sluice new`: the names it takes, and the folder it makes of this repository's templates.
#include "cli/scaffold.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

namespace {

using namespace sluice::cli;
namespace fs = std::filesystem;

struct scratch {
  fs::path folder;
  scratch() {
    std::string name = (fs::temp_directory_path() / "sluice-new-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() { fs::remove_all(folder); }
};

std::string text_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> found;
  for (const auto& each : fs::directory_iterator{folder})
    found.insert(each.path().filename().string());
  return found;
}

TEST_CASE("a name is snake_case and nobody's word") {
  for (const char* good : {"mine", "volume_filter", "l2_book", "time", "signal", "classes",
                           "a23456789_123456789_123456789_123456789_12345678"}) {
    CAPTURE(good);
    CHECK(name_problem(good) == "");
  }
  for (const char* bad : {"", "Mine", "my-stage", "2nd", "_a", "a_", "a__b", "a/b", "../a", "a b",
                          "a.b", "\xc3\xa4", "a23456789_123456789_123456789_123456789_123456789"}) {
    CAPTURE(bad);
    CHECK(name_problem(bad).find("lower-case words") != std::string::npos);
  }
  for (const char* taken : {"class", "xor_eq", "linux", "process", "config", "test", "install"}) {
    CAPTURE(taken);
    CHECK(name_problem(taken).find("my_" + std::string{taken}) != std::string::npos);
  }
}

TEST_CASE("the templates are looked for beside the program, installed or built") {
  const auto found = template_dirs("/opt/sluice/bin/sluice");
  REQUIRE(found.size() == 2);
  CHECK(found[0] == "/opt/sluice/share/sluice/template");
  CHECK(found[1] == "/usr/share/sluice/template");
  CHECK(template_dirs({}).size() == 1);
}

TEST_CASE("every kind becomes a folder of the same files, with the stage's name everywhere") {
  for (const char* kind : {"source", "transform", "sink", "service"}) {
    CAPTURE(kind);
    const scratch at;
    const fs::path folder = at.folder / "level_gate";
    make_stage_folder(SLUICE_TEMPLATES, kind, folder);
    CHECK(names_in(folder) == std::set<std::string>{".gitignore", "CMakeLists.txt", "README.md",
                                                    "level_gate.cpp", "level_gate.hpp",
                                                    "level_gate_test.cpp", "pipeline.toml"});
    for (const std::string& name : names_in(folder)) {
      CAPTURE(name);
      const std::string text = text_of(folder / name);
      CHECK(text.find("my_stage") == std::string::npos);
      if (name != ".gitignore") CHECK(text.find("level_gate") != std::string::npos);
    }
    CHECK(text_of(folder / "level_gate.cpp").find("SLUICE_PLUGIN(stages::level_gate);") !=
          std::string::npos);
  }
}

TEST_CASE("what is there already is refused and stays as it was") {
  const scratch at;
  const fs::path folder = at.folder / "mine";
  fs::create_directory(folder);
  CHECK_THROWS_WITH_AS(make_stage_folder(SLUICE_TEMPLATES, "sink", folder),
                       doctest::Contains("mine: is there already"), std::runtime_error);
  CHECK(names_in(folder).empty());

  std::ofstream{at.folder / "file"} << "text";
  CHECK_THROWS_WITH_AS(make_stage_folder(SLUICE_TEMPLATES, "sink", at.folder / "file"),
                       doctest::Contains("file: is there already"), std::runtime_error);
  CHECK(text_of(at.folder / "file") == "text");
  CHECK_THROWS_WITH_AS(make_stage_folder(SLUICE_TEMPLATES, "sink", at.folder / "no" / "mine"),
                       doctest::Contains("No such file"), std::runtime_error);
}

TEST_CASE("a template that cannot be copied leaves nothing behind") {
  const scratch at;
  fs::create_directories(at.folder / "templates/common");
  fs::create_directories(at.folder / "templates/sink/subfolder");
  CHECK_THROWS(make_stage_folder(at.folder / "templates", "sink", at.folder / "mine"));
  CHECK_THROWS(make_stage_folder(at.folder / "templates", "source", at.folder / "mine"));
  CHECK(!fs::exists(at.folder / "mine"));
}

}  // namespace
