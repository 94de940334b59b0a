#include "console.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using sluice::testing::harness;
using sluice::testing::input;
using std::chrono::milliseconds;
namespace files = std::filesystem;

namespace {

constexpr auto& plugin = sluice::plugin_of<sluice::console::console>;

struct scratch {
  files::path folder;
  scratch() {
    std::string name = (files::temp_directory_path() / "sluice-console-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() { files::remove_all(folder); }
  std::string path() const { return (folder / "out").string(); }
  std::string settings(const std::string& more = "") const {
    return "path = \"" + path() + "\"\n" + more;
  }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream{path()}.rdbuf();
    return all.str();
  }
};

/// The reader's end of a named pipe, without blocking.
struct reader {
  int file = -1;
  explicit reader(const std::string& path) {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
    REQUIRE(file >= 0);
  }
  ~reader() { close(); }
  void close() {
    if (file >= 0) ::close(file);
    file = -1;
  }
  std::string read() const {
    std::string all(1 << 20, '\0');
    const ssize_t size = ::read(file, all.data(), all.size());
    all.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return all;
  }
};

std::vector<input> many(int count) {
  return std::vector<input>(static_cast<std::size_t>(count), input{.key = 5, .text = "x"});
}

std::size_t lines_in(const std::string& text) {
  std::istringstream in{text};
  std::size_t count = 0;
  for (std::string line; std::getline(in, line); ++count)
    CHECK(line.starts_with(R"({"schema":"test/1","key":5,"size":1,"seq":)"));
  return count;
}

}  // namespace

TEST_CASE("a line of JSON for each record, with seq, and weight when it is not 1") {
  const scratch at;
  harness run{plugin, at.settings()};
  run.push({{.key = 5, .text = "ab"}, {.key = 5, .text = "", .schema = "a\"b/1", .weight = 2.5}});
  CHECK(at.text() ==
        "{\"schema\":\"test/1\",\"key\":5,\"size\":2,\"seq\":1}\n"
        "{\"schema\":\"a\\\"b/1\",\"key\":5,\"size\":0,\"seq\":2,\"w\":2.5}\n");
  CHECK(run.count().published == 2);
  CHECK(run.drain());
  CHECK(run.balanced());
}

TEST_CASE("pretty lines name the key's symbol and are coloured only if asked") {
  const scratch at;
  harness run{plugin, at.settings("format = \"pretty\"")};
  run.attributes({"symbol"}, {{5, {"INFY"}}});
  run.push({{.key = 5, .text = ""}, {.key = 6, .text = ""}});
  CHECK(at.text() ==
        "INFY                     {\"schema\":\"test/1\",\"key\":5,\"size\":0} #1\n"
        "6                        {\"schema\":\"test/1\",\"key\":6,\"size\":0} #1\n");
  const scratch other;
  harness colored{plugin, other.settings("format = \"pretty\"\ncolor = \"always\"")};
  colored.push(input{.key = 5, .text = ""});
  CHECK(other.text().starts_with("\x1b[1m5 "));
}

TEST_CASE("it appends to a file; one that cannot be opened is refused by name") {
  const scratch at;
  std::ofstream{at.path()} << "before\n";
  harness run{plugin, at.settings()};
  run.push({.key = 5, .text = "x"});
  CHECK(at.text().starts_with("before\n{"));
  CHECK_THROWS(harness(plugin, "path = \"/nonexistent/out\""));
}

TEST_CASE("a full pipe holds the rest back and loses no byte") {
  const scratch at;
  const reader pipe{at.path()};
  harness run{plugin, at.settings()};
  run.push(many(5'000));
  const auto early = run.count();
  CHECK(early.published < 5'000);
  CHECK(early.failed == 0);
  std::string all;
  for (int i = 0; i < 100 && run.count().published < 5'000; ++i) {
    all += pipe.read();
    run.advance(milliseconds{20});
  }
  all += pipe.read();
  CHECK(run.count().published == 5'000);
  CHECK(lines_in(all) == 5'000);
  CHECK(run.drain());
  CHECK(run.balanced());
}

TEST_CASE("a closed pipe fails records, ends nothing, and says so once") {
  const scratch at;
  reader pipe{at.path()};
  harness run{plugin, at.settings()};
  run.push(many(3));
  pipe.close();
  run.push(many(7));
  run.push(many(7));
  CHECK(run.count().published == 3);
  CHECK(run.count().failed == 14);
  std::size_t told = 0;
  for (const auto& event : run.events()) told += event.kind == "write_failed";
  CHECK(told == 1);
  CHECK(run.drain());
  CHECK(run.balanced());
}

TEST_CASE("a pipe closed in the middle of a line fails that record and those behind it") {
  const scratch at;
  reader pipe{at.path()};
  harness run{plugin, at.settings()};
  run.push(many(5'000));
  pipe.close();
  run.advance(milliseconds{50});
  const auto count = run.count();
  CHECK(count.published + count.failed == 5'000);
  CHECK(count.failed > 0);
  CHECK(run.balanced());
}

TEST_CASE("drain waits for the rest of a line, and no longer than it may") {
  const scratch at;
  const reader pipe{at.path()};
  harness run{plugin, at.settings()};
  run.push(many(5'000));
  CHECK(!run.drain(milliseconds{100}));
  CHECK(run.balanced());
}
