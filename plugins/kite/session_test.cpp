#include <kite/session.hpp>
#include <kite/test_support.hpp>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <system_error>

using namespace sluice::kite;

namespace {

/// A file name of its own, gone at the end.
struct scratch {
  std::filesystem::path folder;
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-session-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() { std::filesystem::remove_all(folder); }
  std::string file() const { return (folder / "session").string(); }
};

sluice_record record_of(std::uint64_t key, const std::string& payload) {
  sluice_record made{};
  made.key = key;
  made.priority = SLUICE_PRIORITY_LOW;
  made.flags = SLUICE_RECORD_SNAPSHOT;
  made.received_ns = -5 + static_cast<std::int64_t>(key);
  made.exchange_ns = 1'655'378'328'000'000'000;
  made.weight = 2.5f;
  made.data = bytes_of(payload).data();
  made.size = static_cast<std::uint32_t>(payload.size());
  return made;
}

/// Three records of two schemas; returns the file's size after each.
std::vector<std::uint64_t> write_three(const std::string& path) {
  std::vector<std::uint64_t> sizes;
  session_writer writer{path, 42};
  const std::string one = "one", two(70'000, 'x'), none;
  for (const auto& [key, payload, schema] :
       {std::tuple{1, &one, "a/1"}, std::tuple{2, &two, "b/1"}, std::tuple{3, &none, "a/1"}}) {
    CHECK(writer.add(record_of(static_cast<std::uint64_t>(key), *payload), writer.schema(schema)));
    writer.commit();
    sizes.push_back(writer.size());
  }
  writer.sync();
  return sizes;
}

std::size_t count(const std::string& path, session_end expected) {
  session_reader reader{path};
  std::size_t records = 0;
  while (reader.next()) ++records;
  CHECK(reader.end() == expected);
  CHECK(!reader.next());
  return records;
}

}  // namespace

TEST_CASE("the checksum is the common CRC-32") {
  const std::string text = "123456789";
  CHECK(crc32(bytes_of(text).data(), text.size()) == 0xcbf4'3926);
}

TEST_CASE("a session comes back as it was written") {
  const scratch at;
  const auto sizes = write_three(at.file());
  CHECK(std::filesystem::file_size(at.file()) == sizes.back());
  session_reader reader{at.file()};
  CHECK(reader.unix_ns() == 42);
  const auto first = reader.next();
  REQUIRE(first);
  CHECK(first->record.key == 1);
  CHECK(first->record.priority == SLUICE_PRIORITY_LOW);
  CHECK(first->record.flags == SLUICE_RECORD_SNAPSHOT);
  CHECK(first->record.received_ns == -4);
  CHECK(first->record.exchange_ns == 1'655'378'328'000'000'000);
  CHECK(first->record.weight == 2.5f);
  CHECK(std::string(first->record.data, first->record.data + first->record.size) == "one");
  CHECK(reader.schema_name(first->schema) == "a/1");
  const auto second = reader.next();
  REQUIRE(second);
  CHECK(second->record.size == 70'000);
  CHECK(reader.schema_name(second->schema) == "b/1");
  const auto third = reader.next();
  REQUIRE(third);
  CHECK(third->record.size == 0);
  CHECK(third->schema == 0);
  CHECK(!reader.next());
  CHECK(reader.end() == session_end::whole);
  CHECK(reader.offset() == sizes.back());
}

TEST_CASE("a file cut anywhere is read up to its last whole record") {
  const scratch at;
  const auto sizes = write_three(at.file());
  for (std::uint64_t size = sizes[2] - 1; size > sizes[1]; --size) {
    std::filesystem::resize_file(at.file(), size);
    CHECK(count(at.file(), session_end::torn) == 2);
  }
  std::filesystem::resize_file(at.file(), sizes[1]);
  CHECK(count(at.file(), session_end::whole) == 2);
  std::filesystem::resize_file(at.file(), sizes[0] + 100);
  CHECK(count(at.file(), session_end::torn) == 1);
  std::filesystem::resize_file(at.file(), 15);
  CHECK_THROWS_AS(session_reader{at.file()}, std::runtime_error);
}

TEST_CASE("a changed byte is damage, never a wrong record") {
  const scratch at;
  const auto sizes = write_three(at.file());
  for (std::uint64_t place = 16; place < sizes[0]; ++place) {
    std::FILE* file = std::fopen(at.file().c_str(), "r+b");
    REQUIRE(file != nullptr);
    const auto flip = [&] {
      std::fseek(file, static_cast<long>(place), SEEK_SET);
      const int byte = std::fgetc(file);
      std::fseek(file, static_cast<long>(place), SEEK_SET);
      std::fputc(byte ^ 0x55, file);
      std::fflush(file);
    };
    flip();
    session_reader reader{at.file()};
    while (reader.next()) {
    }
    CHECK((reader.end() == session_end::damaged || reader.end() == session_end::torn));
    CHECK(reader.offset() < sizes[0]);
    flip();
    std::fclose(file);
  }
  CHECK(count(at.file(), session_end::whole) == 3);
}

TEST_CASE("what is no session is refused by name; an existing file is not overwritten") {
  const scratch at;
  CHECK_THROWS_AS(session_reader{at.file()}, std::runtime_error);
  write_three(at.file());
  CHECK_THROWS_AS((session_writer{at.file(), 0}), std::system_error);
  CHECK_THROWS_AS((session_writer{"/nonexistent/session", 0}), std::system_error);
}

TEST_CASE("a session that is being written is in use") {
  const scratch at;
  CHECK(!session_in_use(at.file()));
  {
    const session_writer writer{at.file(), 0};
    CHECK(session_in_use(at.file()));
  }
  CHECK(!session_in_use(at.file()));
}

TEST_CASE("a payload beyond the limit is not taken") {
  const scratch at;
  session_writer writer{at.file(), 0};
  const std::string large(session_payload_max + 1, 'x');
  const std::uint16_t schema = writer.schema("a/1");
  const auto size = writer.size();
  CHECK(!writer.add(record_of(1, large), schema));
  CHECK(writer.size() == size);
}

TEST_CASE("a write that fails leaves the file as it was, and the next one goes on") {
  const scratch at;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  {
    session_writer writer{at.file(), 0};
    const std::string small = "small", large(100'000, 'x');
    CHECK(writer.add(record_of(1, small), writer.schema("a/1")));
    writer.commit();
    const auto size = writer.size();
    rlimit low = before;
    low.rlim_cur = 50'000;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &low) == 0);
    CHECK(writer.add(record_of(2, large), writer.schema("b/1")));
    CHECK_THROWS_AS(writer.commit(), std::system_error);
    CHECK(writer.size() == size);
    CHECK(std::filesystem::file_size(at.file()) == size);
    CHECK(writer.add(record_of(3, small), writer.schema("b/1")));
    writer.commit();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  CHECK(count(at.file(), session_end::whole) == 2);
}
