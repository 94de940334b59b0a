// A plugin that hangs where it is called by itself: named, and the process ends all the same.
#include "cli/verbs.hpp"
#include "plugin/within_limit.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace sluice;

const std::string fixtures = SLUICE_FIXTURES, in_load = fixtures + "/hanging/hangs_in_load.so";
constexpr unsigned longest_s = 20;

struct answer {
  int code = -1;  ///< -1: it had to be killed
  std::string text;
};

bool contains(const answer& given, const std::string& text) {
  return given.text.find(text) != std::string::npos;
}

[[noreturn]] void be_sluice(std::vector<std::string> words, int out) {
  alarm(longest_s);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  std::signal(SIGABRT, SIG_DFL);
  plugin::call_limit = std::chrono::milliseconds{200};
  words.insert(words.begin(), "sluice");
  std::vector<char*> arguments;
  for (std::string& one : words) arguments.push_back(one.data());
  std::exit(cli::main_of(static_cast<int>(arguments.size()), arguments.data()));
}

/// Runs the program; SIGTERM once it has said `until`, if that is not empty.
answer run(const std::vector<std::string>& words, const std::string& until = "") {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  std::fflush(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) be_sluice(words, ends[1]);
  close(ends[1]);
  answer made;
  std::array<char, 4096> bytes{};
  bool told = until.empty();
  for (ssize_t got = 0; (got = read(ends[0], bytes.data(), bytes.size())) > 0;) {
    made.text.append(bytes.data(), static_cast<std::size_t>(got));
    if (told || !contains(made, until)) continue;
    told = true;
    kill(child, SIGTERM);
  }
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) made.code = WEXITSTATUS(status);
  return made;
}

/// A pipeline with that plugin between a source and a sink, in a folder of its own.
struct pipeline_file {
  explicit pipeline_file(const std::string& plugin) {
    std::string pattern = (fs::temp_directory_path() / "sluice-hang-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
    setenv("SLUICE_RUN_DIR", folder.c_str(), 1);
    std::ofstream{name()} << "[[stage]]\nplugin = 'market_simulator'\n[[stage]]\nplugin = '"
                          << plugin << "'\n[[stage]]\nplugin = 'null'\n";
  }
  ~pipeline_file() { fs::remove_all(folder); }
  pipeline_file(const pipeline_file&) = delete;
  pipeline_file& operator=(const pipeline_file&) = delete;

  std::string name() const { return (folder / "hang.toml").string(); }
  answer with(const std::string& verb, const std::string& until = "") const {
    return run({verb, "--plugin-path", fixtures, "--plugin-path", SLUICE_PLUGINS, name()}, until);
  }

  fs::path folder;
};

TEST_CASE("hang: in load, refused by file and call") {
  const answer inspected = run({"inspect", in_load});
  CHECK(inspected.code == cli::failure);
  CHECK(inspected.text == "sluice: " + in_load + ": load did not return within 0.2 s\n");

  const pipeline_file pipeline{in_load};
  for (const char* verb : {"check", "run"}) {
    CAPTURE(verb);
    const answer given = pipeline.with(verb);
    CHECK(given.code == cli::bad_configuration);
    CHECK(contains(given,
                   "hang.toml:4:10: plugin: " + in_load + ": load did not return within 0.2 s\n"));
    // The system's loader is not free any more, however long one waits.
    CHECK(contains(given,
                   "null.so: cannot be loaded: the load of another library has not "
                   "returned\n"));
  }
}

TEST_CASE("hang: in validate, refused by file and call") {
  const pipeline_file pipeline{"hangs_in_validate"};
  for (const char* verb : {"check", "run"}) {
    CAPTURE(verb);
    const answer given = pipeline.with(verb);
    CHECK(given.code == cli::bad_configuration);
    CHECK(given.text == pipeline.name() + ":4:1: plugin: " + fixtures +
                            "/hangs_in_validate.so: validate did not return within 0.2 s\n");
  }
}

TEST_CASE("hang: in create, the pipeline does not start and says by whom") {
  const answer given = pipeline_file{"hangs_in_create"}.with("run");
  CHECK(given.code == cli::failure);
  CHECK(contains(given, "hangs_in_create: create did not return within 0.2 s\n"));
}

TEST_CASE("hang: in destroy, told after the balance, and the exit code is that of the run") {
  const answer given = pipeline_file{"hangs_in_destroy"}.with("run", " runs ");
  CHECK(given.code == cli::done);
  const std::size_t balance = given.text.find("imbalance"),
                    told = given.text.find("hangs_in_destroy: destroy did not return within 0.2 s");
  CHECK(balance != std::string::npos);
  CHECK(told != std::string::npos);
  CHECK(balance < told);
}

}  // namespace
