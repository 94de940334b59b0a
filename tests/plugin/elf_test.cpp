// Reading the bytes of a shared object, which may be anything.
#include "plugin/elf.hpp"
#include "plugin/image.hpp"
#include "random_test.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>

namespace elf_test {

namespace {

namespace fs = std::filesystem;
using sluice::plugin::read_exports;
using sluice::plugin::read_imports;
using sluice::plugin::read_whole;

const fs::path fixtures{SLUICE_FIXTURES};

std::string error_of(std::string_view bytes) {
  try {
    read_exports(bytes);
  } catch (const std::runtime_error& refused) {
    return refused.what();
  }
  return "";
}

TEST_CASE("what is not a shared object of this machine is refused with the reason") {
  const std::string sound = read_whole(fixtures / "sound.so");
  REQUIRE(sound.size() > 1000);

  CHECK(error_of("") == "is not a shared object (ELF file)");
  CHECK(error_of(std::string(4096, 'x')) == "is not a shared object (ELF file)");
  CHECK(error_of(sound.substr(0, 200)) ==
        "is damaged or half written: the section header table lies outside the file");

  std::string other = sound;
  other[18] = 40;  // e_machine: arm
  other[19] = 0;
  const std::string refused = error_of(other);
  CHECK(refused.starts_with("was built for arm, this host is "));

  std::string program = sound;
  program[16] = 2;  // e_type: an executable
  CHECK(error_of(program) == "is an ELF file but not a shared object");
}

TEST_CASE("what it wants of others is listed, each name once and nothing of its own") {
  const auto imports = read_imports(read_whole(fixtures / "unresolved.so"));
  CHECK(std::count(imports.begin(), imports.end(), "a_function_that_nobody_has") == 1);
  CHECK(std::count(imports.begin(), imports.end(), "sluice_plugin_entry") == 0);
  CHECK(std::count(imports.begin(), imports.end(), "") == 0);
}

TEST_CASE("damaged files are read within their bounds") {
  std::mt19937_64 random{sluice::test_seed()};
  const std::string sound = read_whole(fixtures / "sound.so");
  std::uint64_t section_table = 0;
  std::memcpy(&section_table, sound.data() + 40, sizeof section_table);

  for (int round = 0; round < 3000; ++round) {
    std::string damaged = sound;
    for (int i = 0; i < 4; ++i) {
      // Half of the damage goes where sizes and offsets stand.
      const std::size_t at = random() % 2 == 0
                                 ? random() % 64
                                 : section_table + random() % (sound.size() - section_table);
      damaged[at] = static_cast<char>(random());
    }
    if (random() % 4 == 0) damaged.resize(random() % damaged.size());
    try {
      read_exports(damaged);
      read_imports(damaged);
    } catch (const std::runtime_error&) {
      // A reason is as good as an answer.
    }
  }
}

}  // namespace

}  // namespace elf_test
