// Files that are replaced, overwritten and half written while their plugins are in use.
#include "plugin/image.hpp"
#include "plugin/loader.hpp"

#include <sluice/record.hpp>

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

namespace library_test {

namespace {

namespace fs = std::filesystem;
using sluice::view;
using sluice::plugin::load_file;
using sluice::plugin::read_whole;

const fs::path fixtures{SLUICE_FIXTURES};
const std::string sound = read_whole(fixtures / "sound.so");

/// A plugin's file in a folder of its own, which goes with it.
class plugin_file {
 public:
  plugin_file() {
    std::string pattern = (fs::temp_directory_path() / "sluice-library-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
  plugin_file(const plugin_file&) = delete;
  plugin_file& operator=(const plugin_file&) = delete;
  ~plugin_file() { fs::remove_all(folder_); }

  fs::path path() const { return folder_ / "mine.so"; }
  /// As `cp` does: the same file, emptied and written anew.
  void overwrite(const std::string& bytes) const {
    std::ofstream{path(), std::ios::binary | std::ios::trunc} << bytes;
  }
  /// As most linkers do: another file under the same name.
  void replace(const std::string& bytes) const {
    fs::remove(path());
    overwrite(bytes);
  }
  std::string refusal() const {
    try {
      load_file(path());
    } catch (const std::runtime_error& refused) {
      const std::string whole = refused.what(), file = path().string() + ": ";
      CHECK(whole.starts_with(file));
      return whole.substr(file.size());
    }
    return "(loaded)";
  }

 private:
  fs::path folder_;
};

/// Another build of the same plugin: nothing reads what stands behind the sections.
std::string rebuilt(int number) { return sound + "build " + std::to_string(number); }

TEST_CASE("what was rebuilt under the same name is loaded anew, the old one stays usable") {
  for (const bool in_place : {false, true}) {
    CAPTURE(in_place);
    const plugin_file file;
    file.replace(sound);
    const auto old = load_file(file.path());
    const std::string other = read_whole(fixtures / "other_name.so");
    in_place ? file.overwrite(other) : file.replace(other);
    const auto now = load_file(file.path());
    CHECK(view(now.plugin->name) == "another_name");
    CHECK(now.library != old.library);
    CHECK(view(old.plugin->name) == "sound");
  }
}

TEST_CASE("a file that is emptied leaves the code that runs as it is") {
  const plugin_file file;
  file.replace(rebuilt(1));
  const auto loaded = load_file(file.path());
  const auto extension = loaded.plugin->extension;
  const bool has_extensions = extension != nullptr;
  REQUIRE(has_extensions);
  file.overwrite("");
  // Mapped from the file itself, this ends the process (SIGBUS).
  CHECK(extension(sluice::borrow("nobody.has/1")) == nullptr);
  CHECK(file.refusal() == "is not a shared object (ELF file)");
}

TEST_CASE("the same content is the same library, wherever it comes from") {
  const plugin_file file, copy;
  file.replace(rebuilt(2));
  copy.replace(rebuilt(2));
  const auto first = load_file(file.path());
  file.replace(rebuilt(2));
  CHECK(load_file(file.path()).library == first.library);
  CHECK(load_file(copy.path()).plugin == first.plugin);

  file.replace(rebuilt(3));
  const auto second = load_file(file.path());
  CHECK(second.plugin != first.plugin);
  file.replace(rebuilt(2));
  CHECK(load_file(file.path()).library == first.library);
}

std::size_t mappings_of(const std::string& name) {
  std::ifstream maps{"/proc/self/maps"};
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(name) != std::string::npos;
  return count;
}

TEST_CASE("builds that nobody uses any more are unloaded") {
  const plugin_file file;
  const std::size_t before = mappings_of("memfd:mine.so");
  std::size_t most = 0;
  for (int build = 100; build < 150; ++build) {
    file.replace(rebuilt(build));
    load_file(file.path());
    most = std::max(most, mappings_of("memfd:mine.so"));
  }
  // The segments of one library: the newest build stays.
  CHECK(most > before);
  CHECK(most <= before + 8);
}

TEST_CASE("a build that could not be unloaded is never taken for another") {
  const plugin_file file;
  std::set<const sluice_plugin*> seen;
  for (int build = 200; build < 220; ++build) {
    file.replace(rebuilt(build));
    const auto loaded = load_file(file.path());
    CHECK(seen.insert(loaded.plugin).second);
    // As a thread_local with a destructor does, on a thread that lives on.
    Dl_info about{};
    REQUIRE(dladdr(loaded.plugin, &about) != 0);
    REQUIRE(dlopen(about.dli_fname, RTLD_LAZY | RTLD_NOLOAD) != nullptr);
  }
}

TEST_CASE("a file of which a part is written is refused whatever part it is") {
  const plugin_file file;
  for (std::size_t part = 1; part < 16; ++part) {
    CAPTURE(part);
    file.overwrite(sound.substr(0, sound.size() * part / 16));
    CHECK(file.refusal() ==
          "is damaged or half written: the section header table lies outside the file");
  }
}

TEST_CASE("a file that changes while it is read is refused") {
  const plugin_file file;
  file.overwrite("");
  fs::resize_file(file.path(), 32u << 20);
  std::atomic<bool> done{false};
  std::thread writer{[&] {
    const int out = open(file.path().c_str(), O_WRONLY | O_CLOEXEC);
    while (!done) static_cast<void>(pwrite(out, "x", 1, 0));
    close(out);
  }};
  const std::string expected = "changed while it was read: is it still being written?";
  std::string refused;
  for (int i = 0; i < 100 && refused != expected; ++i) refused = file.refusal();
  done = true;
  writer.join();
  CHECK(refused == expected);
}

TEST_CASE("what is no file is refused with the reason") {
  const plugin_file file;
  CHECK(file.refusal() == "cannot be read: No such file or directory");
  REQUIRE(mkfifo(file.path().c_str(), 0600) == 0);
  CHECK(file.refusal() == "is not a regular file");
  fs::remove(file.path());
  fs::create_directory(file.path());
  CHECK(file.refusal() == "is not a regular file");
  fs::remove(file.path());
  file.overwrite("");
  fs::resize_file(file.path(), (1u << 30) + 1);
  CHECK(file.refusal() == "is larger than 1 GiB, the most a plugin may be");
}

}  // namespace

}  // namespace library_test
