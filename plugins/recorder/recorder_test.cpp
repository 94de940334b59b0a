#include "recorder.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

using sluice::testing::harness;
using sluice::testing::input;
namespace files = std::filesystem;
namespace kite = sluice::kite;

namespace {

constexpr auto& plugin = sluice::plugin_of<sluice::recorder::recorder>;

struct scratch {
  files::path folder;
  scratch() {
    std::string name = (files::temp_directory_path() / "sluice-recorder-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() { files::remove_all(folder); }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : files::directory_iterator{folder})
      all.push_back(entry.path().filename().string());
    std::sort(all.begin(), all.end());
    return all;
  }
  std::string path() const { return (folder / "session").string(); }
  std::string settings(const std::string& more = "") const {
    return "path = \"" + path() + "\"\n" + more;
  }
};

struct read_back {
  std::vector<std::string> texts, schemas;
  std::vector<std::uint64_t> keys;
  std::vector<int> priorities;
  kite::session_end end = kite::session_end::none;
};

read_back read(const std::string& path) {
  kite::session_reader reader{path};
  read_back all;
  while (const auto entry = reader.next()) {
    all.texts.emplace_back(entry->record.data, entry->record.data + entry->record.size);
    all.schemas.push_back(reader.schema_name(entry->schema));
    all.keys.push_back(entry->record.key);
    all.priorities.push_back(entry->record.priority);
  }
  all.end = reader.end();
  return all;
}

bool has_event(harness& run, std::string_view kind) {
  for (const auto& event : run.events())
    if (event.kind == kind) return true;
  return false;
}

}  // namespace

TEST_CASE("what comes is in the file, whole and in order") {
  const scratch at;
  harness run{plugin, at.settings()};
  run.push({{.key = 7, .text = "a"},
            {.key = 8, .text = "", .schema = "other/1"},
            {.key = 7, .text = "order", .priority = sluice::priority::high}});
  const read_back got = read(at.path());  // written with the batch, before any drain
  CHECK(got.texts.size() == 3);
  CHECK(run.drain());
  CHECK(got.end == kite::session_end::whole);
  CHECK(run.count().published == 3);
  CHECK(run.balanced());
  CHECK(read(at.path()).schemas.size() == 3);
}

TEST_CASE("at its size the file is rotated, and the oldest goes") {
  const scratch at;
  harness run{plugin, at.settings("max_size = \"64KiB\"\nkeep = \"128KiB\"")};
  const std::string text(1'000, 'x');
  for (int i = 0; i < 400; ++i) run.push({.key = 1, .text = std::to_string(i) + text});
  CHECK(run.count().published == 400);
  CHECK(at.names() == std::vector<std::string>{"session", "session.000005", "session.000006"});
  for (const char* suffix : {"", ".000005", ".000006"}) {
    CHECK(files::file_size(at.path() + suffix) <= 64 << 10);
    CHECK(read(at.path() + suffix).end == kite::session_end::whole);
  }
  std::size_t rotated = 0, deleted = 0;
  for (const auto& event : run.events()) {
    rotated += event.kind == "rotated" ? 1 : 0;
    deleted += event.kind == "deleted" ? 1 : 0;
  }
  CHECK(rotated == 6);
  CHECK(deleted == 4);
  CHECK(read(at.path()).texts.back() == "399" + text);
  CHECK(run.balanced());
}

TEST_CASE("a rotation in the middle of a batch loses nothing") {
  const scratch at;
  harness run{plugin, at.settings("max_size = \"64KiB\"")};
  const std::string text(1'000, 'x');
  run.push(std::vector<input>(400, input{.key = 1, .text = text}));
  CHECK(run.count().published == 400);
  std::size_t kept = 0;
  for (const std::string& name : at.names()) kept += read((at.folder / name).string()).texts.size();
  CHECK(kept == 400);
  CHECK(at.names().size() > 2);
}

TEST_CASE("or it stops there: the rest is dropped as overflow") {
  const scratch at;
  harness run{plugin, at.settings("max_size = \"64KiB\"\nwhen_full = \"stop\"")};
  const std::string text(1'000, 'x');
  for (int i = 0; i < 100; ++i) run.push({.key = 1, .text = text});
  CHECK(has_event(run, "full"));
  const auto kept = read(at.path()).texts.size();
  CHECK(kept == run.count().published);
  CHECK(kept + run.count().dropped[SLUICE_DROP_OVERFLOW] == 100);
  CHECK(files::file_size(at.path()) <= 64 << 10);
  CHECK(at.names().size() == 1);
  CHECK(run.balanced());
}

TEST_CASE("a record too large for the file is dropped as oversize, the others are kept") {
  const scratch at;
  harness run{plugin, at.settings("max_size = \"64KiB\"")};
  run.push({{.text = "a"}, {.text = std::string(40'000, 'x')}, {.text = "b"}});
  CHECK(run.count().dropped[SLUICE_DROP_OVERSIZE] == 1);
  CHECK(read(at.path()).texts == std::vector<std::string>{"a", "b"});
  CHECK(run.balanced());
}

TEST_CASE("a file that is there is moved, never overwritten") {
  const scratch at;
  std::ofstream{at.path()} << "precious";
  harness run{plugin, at.settings()};
  run.push({.text = "a"});
  CHECK(read(at.path()).texts.size() == 1);
  std::string line;
  std::getline(std::ifstream{at.path() + ".000001"} >> std::ws, line);
  CHECK(line == "precious");
}

TEST_CASE("restarts delete nothing, and leave no empty files") {
  const scratch at;
  const std::vector<std::string> others{"session.1", "session.0000009", "session.00001x", "other"};
  for (const std::string& name : others) std::ofstream{at.folder / name} << "not ours";
  for (int i = 0; i < 50; ++i) {
    harness run{plugin, at.settings()};
    if (i % 10 == 0) run.push({.text = std::to_string(i)});
  }
  std::ofstream{at.path(), std::ios::trunc};  // a crash between the file and its head
  harness run{plugin, at.settings()};
  run.push({.text = "50"});
  CHECK(at.names().size() == others.size() + 6);
  for (int i = 1; i <= 5; ++i)
    CHECK(read(at.path() + ".00000" + std::to_string(i)).texts.at(0) ==
          std::to_string((i - 1) * 10));
  CHECK(read(at.path()).texts == std::vector<std::string>{"50"});
}

TEST_CASE("a relative path is one of the working folder") {
  const scratch at;
  const files::path before = files::current_path();
  files::current_path(at.folder);
  for (int i = 0; i < 3; ++i) harness{plugin, "path = \"session\""}.push({.text = "a"});
  files::current_path(before);
  CHECK(at.names() == std::vector<std::string>{"session", "session.000001", "session.000002"});
}

TEST_CASE("keep is at least max_size") {
  const scratch at;
  CHECK_THROWS_WITH_AS((harness{plugin, at.settings("keep = \"1MiB\"")}),
                       doctest::Contains("keep: is less than max_size"), std::runtime_error);
}

TEST_CASE("when the next file cannot be made records fail, until it can") {
  const scratch at;
  harness run{plugin, at.settings("max_size = \"64KiB\"")};
  const std::string text(1'000, 'x');
  const files::path elsewhere = at.folder.string() + "-away";
  files::rename(at.folder, elsewhere);
  for (int i = 0; i < 100; ++i) run.push({.key = 1, .text = text});
  CHECK(run.count().failed > 0);
  CHECK(has_event(run, "write_failed"));
  files::rename(elsewhere, at.folder);
  run.advance(std::chrono::seconds{2});
  const auto failed = run.count().failed;
  run.push({.key = 1, .text = "after"});
  CHECK(run.count().failed == failed);
  CHECK(has_event(run, "write_recovered"));
  CHECK(read(at.path()).texts.back() == "after");
  CHECK(run.balanced());
}

TEST_CASE("two recorders never write one file") {
  const scratch at;
  harness first{plugin, at.settings()};
  first.push({.text = "a"});
  harness second{plugin, at.settings()};
  second.push({.text = "b"});
  CHECK(second.count().published == 0);
  CHECK(read(at.path()).texts == std::vector<std::string>{"a"});
}
