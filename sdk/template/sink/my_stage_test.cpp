// The stage in the real runtime, on virtual time, with real files.
#include "my_stage.hpp"

#include <sluice/testing.hpp>

#include <stdlib.h>
#include <sys/resource.h>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

using sluice::testing::harness;

namespace {

constexpr auto& plugin = sluice::plugin_of<stages::my_stage>;

std::string settings(const std::string& path) { return "path = \"" + path + "\""; }

/// A folder that goes with the test.
struct scratch {
  std::filesystem::path folder;
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "my_stage-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() { std::filesystem::remove_all(folder); }
  std::string path() const { return (folder / "lines").string(); }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream{path()}.rdbuf();
    return all.str();
  }
};

/// While it lives no file grows beyond `bytes`, as on a full disk.
struct small_disk {
  rlimit before{};
  explicit small_disk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit less{bytes, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &less) == 0);
  }
  ~small_disk() { ::setrlimit(RLIMIT_FSIZE, &before); }
};

}  // namespace

TEST_CASE("a line for each record, added to what is there") {
  const scratch at;
  std::ofstream{at.path()} << "before\n";
  harness run{plugin, settings(at.path())};
  run.push({{.key = 7, .text = "ab"}, {.key = 7, .text = ""}});
  CHECK(at.text() ==
        "before\n{\"key\":7,\"size\":2,\"seq\":1}\n{\"key\":7,\"size\":0,\"seq\":2}\n");
  CHECK(run.count().published == 2);
  CHECK(run.balanced());
}

TEST_CASE("a file that cannot be opened is refused by name") {
  CHECK_THROWS_WITH_AS((harness{plugin, settings("/nonexistent/lines")}),
                       doctest::Contains("/nonexistent/lines"), std::runtime_error);
}

TEST_CASE("records that cannot be written fail, and it is said once") {
  harness run{plugin, settings("/dev/full")};
  run.push({{.text = "a"}, {.text = "b"}});
  run.push({.text = "c"});
  CHECK(run.count().failed == 3);
  CHECK(run.count().published == 0);
  const auto events = run.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == "write_failed");
  CHECK(run.balanced());
}

TEST_CASE("a line that was cut fails, and the next one is whole") {
  const scratch at;
  harness run{plugin, settings(at.path())};
  {
    const small_disk full{30};  // one line has 27 bytes
    run.push({{.key = 7, .text = "a"}, {.key = 7, .text = "b"}});
  }
  CHECK(run.count().published == 1);
  CHECK(run.count().failed == 1);
  run.push({.key = 7, .text = "c"});
  CHECK(at.text() == "{\"key\":7,\"size\":1,\"seq\":1}\n{\"k\n{\"key\":7,\"size\":1,\"seq\":3}\n");
  CHECK(run.count().published == 2);
  CHECK(run.balanced());
}
