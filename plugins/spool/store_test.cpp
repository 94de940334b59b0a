#include "store.hpp"

#include "random_test.hpp"
#include "scratch_test.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace sluice::spool {
namespace {

namespace files = std::filesystem;

/// A record with a payload of its own.
struct sample {
  std::uint64_t key = 7, seq = 1;
  std::string text;
  entry as_entry() const {
    entry made;
    made.key = key;
    made.seq = seq;
    made.received_unix_ns = 1'000 + static_cast<std::int64_t>(seq);
    made.exchange_ns = 500;
    made.index = 3;
    made.weight = 2.5f;
    made.priority = 2;
    made.flags = 1;
    made.schema = "test/1";
    made.payload = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    return made;
  }
};

bool append(store& to, const std::vector<sample>& records) {
  std::vector<entry> entries;
  for (const sample& each : records) entries.push_back(each.as_entry());
  return to.append(entries);
}

std::string text_of(const entry& of) { return {of.payload.begin(), of.payload.end()}; }

/// The texts of all that waits.
std::vector<std::string> read_all(store& from) {
  std::vector<std::string> texts;
  while (const entry* next = from.peek()) {
    texts.push_back(text_of(*next));
    from.pop();
  }
  return texts;
}

std::vector<files::path> segments_in(const files::path& folder) {
  std::vector<files::path> found;
  for (const auto& each : files::directory_iterator{folder})
    if (each.path().extension() == ".spool") found.push_back(each.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string refusal(const files::path& folder) {
  try {
    store{folder, {}};
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("what was appended comes out in order, whole, also from another object") {
  const scratch here;
  {
    store first{here.folder, {}};
    REQUIRE(append(first, {{7, 1, "one"}, {8, 1, ""}}));
    REQUIRE(append(first, {{7, 2, "three"}}));
    CHECK(first.waiting() == 3);
    const entry* next = first.peek();
    REQUIRE(next != nullptr);
    CHECK(next->serial == 1);
    CHECK(next->key == 7);
    CHECK(next->seq == 1);
    CHECK(next->received_unix_ns == 1'001);
    CHECK(next->exchange_ns == 500);
    CHECK(next->index == 3);
    CHECK(next->weight == 2.5f);
    CHECK(next->priority == 2);
    CHECK(next->flags == 1);
    CHECK(next->schema == "test/1");
    CHECK(text_of(*next) == "one");
  }
  store second{here.folder, {}};
  CHECK(second.waiting() == 3);
  CHECK(second.torn_bytes() == 0);
  CHECK(read_all(second) == std::vector<std::string>{"one", "", "three"});
  REQUIRE(append(second, {{7, 3, "four"}}));
  CHECK(read_all(second) == std::vector<std::string>{"four"});
  CHECK(second.lost() == 0);
}

TEST_CASE("what was committed does not come again, and its files go") {
  const scratch here;
  store::limits small;
  small.segment_size = 200;
  {
    store first{here.folder, small};
    for (std::uint64_t i = 1; i <= 10; ++i) REQUIRE(append(first, {{7, i, std::to_string(i)}}));
    CHECK(segments_in(here.folder).size() == 5);
    for (int i = 0; i < 7; ++i) {
      REQUIRE(first.peek() != nullptr);
      first.pop();
    }
  }
  {
    store second{here.folder, small};
    CHECK(second.waiting() == 10);  // read, but not committed
    REQUIRE(second.peek() != nullptr);
    REQUIRE(second.commit(8));
    CHECK(segments_in(here.folder).size() == 2);
  }
  store third{here.folder, small};
  CHECK(read_all(third) == std::vector<std::string>{"8", "9", "10"});
  REQUIRE(third.commit(third.read_serial()));
  CHECK(segments_in(here.folder).empty());
  CHECK(third.bytes() == 0);
  REQUIRE(append(third, {{7, 11, "11"}}));
  CHECK(third.peek()->serial == 11);
}

TEST_CASE("a torn end is cut off, and what is appended comes behind what was whole") {
  const scratch here;
  {
    store first{here.folder, {}};
    REQUIRE(append(first, {{7, 1, "one"}, {7, 2, "two"}, {7, 3, "three"}}));
  }
  const files::path file = segments_in(here.folder).front();
  const std::uint64_t whole = files::file_size(file);
  SUBCASE("in the middle of a frame") { files::resize_file(file, whole - 2); }
  SUBCASE("in its head") { files::resize_file(file, whole - 60); }
  SUBCASE("a changed byte") { change_byte(file, whole - 1); }
  SUBCASE("a changed size") { change_byte(file, whole - 75 + 4); }
  {
    store second{here.folder, {}};
    CHECK(second.torn_bytes() > 0);
    CHECK(second.waiting() == 2);
    REQUIRE(append(second, {{7, 4, "four"}}));
    CHECK(read_all(second) == std::vector<std::string>{"one", "two", "four"});
    CHECK(second.lost() == 0);
  }
  store third{here.folder, {}};
  CHECK(third.torn_bytes() == 0);
}

TEST_CASE("zeros behind the end, as a power cut may leave them, are no records") {
  const scratch here;
  {
    store first{here.folder, {}};
    REQUIRE(append(first, {{7, 1, "one"}}));
  }
  const files::path file = segments_in(here.folder).front();
  files::resize_file(file, files::file_size(file) + 4'096);
  store second{here.folder, {}};
  CHECK(second.torn_bytes() == 4'096);
  CHECK(read_all(second) == std::vector<std::string>{"one"});
}

TEST_CASE("what is broken in the middle is skipped up to the next segment, and counted") {
  const scratch here;
  store::limits small;
  small.segment_size = 400;
  {
    store first{here.folder, small};
    for (std::uint64_t i = 1; i <= 12; ++i) REQUIRE(append(first, {{7, i, std::to_string(i)}}));
  }
  const auto files_there = segments_in(here.folder);
  REQUIRE(files_there.size() == 3);  // of five records, 71 or 72 bytes each
  SUBCASE("a record") {
    change_byte(files_there[0], segment_header_size + 2 * 71 + 70);
    store second{here.folder, small};
    CHECK(read_all(second) ==
          std::vector<std::string>{"1", "2", "6", "7", "8", "9", "10", "11", "12"});
    CHECK(second.lost() == 3);
  }
  SUBCASE("a header") {
    change_byte(files_there[1], 0);
    store second{here.folder, small};
    CHECK(read_all(second) == std::vector<std::string>{"1", "2", "3", "4", "5", "11", "12"});
    CHECK(second.lost() == 5);
  }
  SUBCASE("the header of the newest") {
    change_byte(files_there[2], 16);
    store second{here.folder, small};
    CHECK(second.torn_bytes() > 0);
    CHECK(second.waiting() == 10);
  }
  SUBCASE("a file is gone") {
    files::remove(files_there[1]);
    store second{here.folder, small};
    CHECK(read_all(second).size() == 7);
    CHECK(second.lost() == 5);
  }
  SUBCASE("the one that is being written") {
    store second{here.folder, small};
    REQUIRE(append(second, {{7, 13, "13"}}));
    change_byte(segments_in(here.folder).back(), segment_header_size + 70);
    CHECK(read_all(second).size() == 12);
    CHECK(second.lost() == 1);
    REQUIRE(append(second, {{7, 14, "14"}}));
    CHECK(read_all(second) == std::vector<std::string>{"14"});
  }
}

TEST_CASE("another version, another spool on the folder, and no folder are refused by name") {
  const scratch here;
  SUBCASE("version") {
    {
      store first{here.folder, {}};
      REQUIRE(append(first, {{7, 1, "one"}}));
    }
    const files::path file = segments_in(here.folder).front();
    std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
    stream.seekp(8);
    stream.put(2);
    stream.close();
    CHECK(refusal(here.folder) == file.string() + " has version 2; this plugin reads version 1");
    CHECK(files::exists(file));
  }
  SUBCASE("in use") {
    store first{here.folder, {}};
    CHECK(refusal(here.folder) == here.folder.string() + " is in use by another spool");
  }
  SUBCASE("a file in its place") {
    std::ofstream{here.folder / "file"} << "x";
    CHECK(refusal(here.folder / "file").find("file") != std::string::npos);
  }
}

TEST_CASE("it never takes more than its bound, and takes again when there is room") {
  const scratch here;
  store::limits small;
  small.segment_size = 400;
  small.size_max = 1'000;
  store full{here.folder, small};
  std::uint64_t taken = 0;
  while (append(full, {{7, taken + 1, std::string(10, 'x')}})) ++taken;
  CHECK(full.error().find("is full: ") != std::string::npos);
  CHECK(full.bytes() <= 1'000);
  CHECK(taken == 11);
  for (int i = 0; i < 6; ++i) {
    REQUIRE(full.peek() != nullptr);
    full.pop();
  }
  CHECK_FALSE(append(full, {{7, 12, std::string(10, 'x')}}));
  REQUIRE(full.commit(full.read_serial()));
  CHECK(append(full, {{7, 12, std::string(10, 'x')}}));
  CHECK(read_all(full).size() == 6);
}

TEST_CASE("a full device: nothing of the call is kept, and what was there is") {
  // Every write to /dev/full fails with ENOSPC.
  if (!files::exists("/dev/full")) return;
  const scratch here;
  files::create_directories(here.folder);
  files::create_symlink("/dev/full", here.folder / segment_name(1));
  CHECK_THROWS_AS((segment_writer{here.folder / segment_name(1), 1}), std::system_error);
}

TEST_CASE("a write that fails in the middle: nothing of the call is kept, and what was there is") {
  const scratch here;
  store tested{here.folder, {}};
  REQUIRE(append(tested, {{7, 1, std::string(300, 'a')}}));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);  // EFBIG instead
  const rlimit small{700, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const bool taken = append(tested, {{7, 2, std::string(200, 'b')}, {7, 3, std::string(300, 'c')}});
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, handler);
  CHECK_FALSE(taken);
  CHECK(tested.error() == "cannot write to " + here.folder.string() + ": File too large");
  CHECK(files::file_size(segments_in(here.folder).front()) == tested.bytes());
  CHECK(tested.waiting() == 1);
  REQUIRE(append(tested, {{7, 2, "again"}}));
  CHECK(read_all(tested) == std::vector<std::string>{std::string(300, 'a'), "again"});
}

TEST_CASE("another object takes over without reading anew; the one before may go on instead") {
  const scratch here;
  auto first = std::make_unique<store>(here.folder, store::limits{});
  REQUIRE(append(*first, {{7, 1, "one"}, {7, 2, "two"}}));
  REQUIRE(first->peek() != nullptr);
  first->pop();
  const handed_over state = first->hand_over();
  SUBCASE("it goes on") {
    store second{here.folder, {}, state};
    REQUIRE(append(second, {{7, 3, "three"}}));
    first.reset();
    CHECK(refusal(here.folder) == here.folder.string() + " is in use by another spool");
    CHECK(read_all(second) == std::vector<std::string>{"two", "three"});
    REQUIRE(second.commit(second.read_serial()));
    CHECK(segments_in(here.folder).empty());
  }
  SUBCASE("it is taken back") {
    {
      store second{here.folder, {}, state};
      REQUIRE(append(second, {{7, 3, "of no account"}, {7, 4, "of no account"}}));
    }
    REQUIRE(append(*first, {{7, 3, "three"}}));
    first.reset();
    store third{here.folder, {}};
    CHECK(read_all(third) == std::vector<std::string>{"one", "two", "three"});
    CHECK(third.lost() == 0);
  }
}

TEST_CASE("it takes over while another thread opens and closes what is its own") {
  const scratch here;
  std::atomic<int> opened = 0;  // relaxed: what orders the threads would hide a race
  const std::jthread other{[&](const std::stop_token& stop) {
    std::array<descriptor, 16> own;
    while (!stop.stop_requested())
      for (descriptor& each : own) {
        each = descriptor{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
        opened.fetch_add(1, std::memory_order_relaxed);
      }
  }};
  const auto has_opened = [&](int many) { return opened.load(std::memory_order_relaxed) >= many; };
  while (!has_opened(16)) std::this_thread::yield();  // its numbers are the lower ones
  auto now = std::make_unique<store>(here.folder, store::limits{});
  REQUIRE(append(*now, {{7, 1, "one"}}));
  while (!has_opened(10'000))
    now = std::make_unique<store>(here.folder, store::limits{}, now->hand_over());
  CHECK(read_all(*now) == std::vector<std::string>{"one"});
}

TEST_CASE("at random: appended, read, committed, crashed and torn, it is always a queue") {
  std::mt19937_64 random{test_seed()};
  const auto below = [&](std::uint32_t n) { return random() % n; };
  const scratch here;
  store::limits small;
  small.segment_size = 2'000;
  small.size_max = 20'000;
  auto now = std::make_unique<store>(here.folder, small);
  std::deque<std::string> kept;  // not committed
  std::size_t read = 0;          // of them
  std::uint64_t number = 0;
  for (int step = 0; step < 3'000; ++step) {
    switch (below(8)) {
      case 0:
      case 1: {
        std::vector<sample> records(1 + below(5));
        for (sample& each : records) {
          each.text.assign(below(300), static_cast<char>('a' + below(26)));
          each.text += std::to_string(++number);
        }
        if (append(*now, records))
          for (const sample& each : records) kept.push_back(each.text);
        break;
      }
      case 2:
      case 3:
      case 4: {
        const entry* next = now->peek();
        REQUIRE((next != nullptr) == (read < kept.size()));
        if (next == nullptr) break;
        REQUIRE(text_of(*next) == kept[read++]);
        now->pop();
        break;
      }
      case 5: {
        const std::size_t done = below(static_cast<std::uint32_t>(read + 1));
        REQUIRE(now->commit(now->read_serial() - (read - done)));
        kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(done));
        read -= done;
        break;
      }
      case 6: {
        if (below(10) != 0) break;
        now.reset();
        const auto there = segments_in(here.folder);
        if (!there.empty() && below(2) == 0) {  // a frame that was not written whole
          std::ofstream torn{there.back(), std::ios::app | std::ios::binary};
          std::vector<std::uint8_t> frame;
          append_frame(frame, sample{7, 1, "never whole"}.as_entry());
          torn.write(reinterpret_cast<const char*>(frame.data()), 1 + below(60));
        }
        now = std::make_unique<store>(here.folder, small);
        read = 0;
        break;
      }
      default: {
        const handed_over state = now->hand_over();
        auto next = std::make_unique<store>(here.folder, small, state);
        now = std::move(next);
      }
    }
    REQUIRE(now->waiting() == kept.size() - read);
    REQUIRE(now->bytes() <= small.size_max);
    REQUIRE(now->lost() == 0);
  }
}

}  // namespace sluice::spool
