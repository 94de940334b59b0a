// The stage in the real runtime, on virtual time, with real files.
#include "csv_file.hpp"

#include <sluice/testing.hpp>

#include <stdlib.h>
#include <sys/resource.h>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

using sluice::testing::harness;

namespace {

/// A payload here is the field "text"; "?" is malformed, and so is what has no field.
sluice_status read_text(const sluice_record* from, sluice_str name, sluice_scalar* out) {
  *out = {};
  const std::string_view text{reinterpret_cast<const char*>(from->data), from->size};
  if (text == "?") return SLUICE_FAILED;
  if (sluice::view(name) == "text") {
    out->kind = SLUICE_IS_STRING;
    out->string = sluice::borrow(text);
  } else if (sluice::view(name) == "size") {
    out->kind = SLUICE_IS_INTEGER;
    out->integer = from->size;
  } else if (sluice::view(name) == "half") {
    out->kind = SLUICE_IS_NUMBER;
    out->number = from->size / 2.0;
  } else if (sluice::view(name) == "empty") {
    out->kind = SLUICE_IS_BOOLEAN;
    out->integer = from->size == 0;
  }
  return SLUICE_OK;
}

constexpr sluice_codec test_codec{
    sizeof(sluice_codec), 1, sluice::borrow("test/1"),
    [](const sluice_record*, char*, std::uint64_t) -> std::uint64_t { return 0; }, &read_text};

/// The sink, with a codec for what the test pushes.
struct sink : stages::csv_file {
  using csv_file::csv_file;
  static constexpr std::array codecs{&test_codec};
};
constexpr auto& plugin = sluice::plugin_of<sink>;

/// A folder that goes with the test.
struct scratch {
  std::filesystem::path folder;
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "csv_file-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() { std::filesystem::remove_all(folder); }
  std::string path() const { return (folder / "lines.csv").string(); }
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

std::string settings(const std::string& path, const std::string& columns) {
  return "path = \"" + path + "\"\ncolumns = [" + columns + "]";
}

}  // namespace

// [test]
TEST_CASE("a line for each record, added to what is there") {
  const scratch at;
  std::ofstream{at.path()} << "key,seq,text\n";
  harness run{plugin, settings(at.path(), R"("key", "seq", "text")")};
  run.push({{.key = 7, .text = "a"}, {.key = 7, .text = "b, c"}, {.key = 8, .text = "?"}});
  CHECK(at.text() == "key,seq,text\n7,1,a\n7,2,\"b, c\"\n");
  CHECK(run.count().published == 2);
  CHECK(run.count().dropped[SLUICE_DROP_MALFORMED] == 1);
  CHECK(run.balanced());
}
// [/test]

TEST_CASE("columns are fields of every kind, attributes of the key, or empty") {
  const scratch at;
  harness run{plugin,
              settings(at.path(), R"("size", "half", "empty", "symbol", "nothing", "text")")};
  run.attributes({"symbol"}, {{7, {"NIFTY \"50\""}}});
  run.push({{.key = 7, .text = "abc"}, {.key = 8, .text = ""}, {.text = "x", .schema = "other/1"}});
  CHECK(at.text() == "3,1.5,false,\"NIFTY \"\"50\"\"\",,abc\n0,0,true,,,\n,,,,,\n");
  CHECK(run.balanced());
}

TEST_CASE("a file that cannot be opened, and columns that say nothing, are refused by name") {
  CHECK_THROWS_WITH_AS((harness{plugin, settings("/nonexistent/lines", R"("key")")}),
                       doctest::Contains("/nonexistent/lines"), std::runtime_error);
  CHECK_THROWS_WITH_AS((harness{plugin, settings("/dev/null", "")}),
                       doctest::Contains("columns: there is none"), std::runtime_error);
  CHECK_THROWS_WITH_AS((harness{plugin, settings("/dev/null", R"("key", "")")}),
                       doctest::Contains("columns: one is empty"), std::runtime_error);
}

// [full]
TEST_CASE("records that cannot be written fail, and it is said once") {
  harness run{plugin, settings("/dev/full", R"("text")")};
  run.push({{.text = "a"}, {.text = "b"}});
  run.push({.text = "c"});
  CHECK(run.count().failed == 3);
  CHECK(run.count().published == 0);
  const auto events = run.events();
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == "write_failed");
  CHECK(run.balanced());
}
// [/full]

TEST_CASE("a line that was cut fails, and the next one is whole") {
  const scratch at;
  harness run{plugin, settings(at.path(), R"("key", "text")")};
  {
    const small_disk full{6};  // one line has 4 bytes
    run.push({{.key = 7, .text = "a"}, {.key = 7, .text = "b"}});
  }
  CHECK(run.count().published == 1);
  CHECK(run.count().failed == 1);
  run.push({.key = 7, .text = "c"});
  CHECK(at.text() == "7,a\n7,\n7,c\n");
  CHECK(run.count().published == 2);
  CHECK(run.balanced());
}

TEST_CASE("drain flushes, also what has no disk") {
  const scratch at;
  harness run{plugin, settings(at.path(), R"("text")")};
  run.push({.text = "a"});
  CHECK(run.drain());
  harness terminal{plugin, settings("/dev/null", R"("text")")};
  CHECK(terminal.drain());
  CHECK(terminal.events().empty());
}
