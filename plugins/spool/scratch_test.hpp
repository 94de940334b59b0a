// What the spool's tests share.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::spool {

/// A folder that goes with the test.
struct scratch {
  scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-spool-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~scratch() { std::filesystem::remove_all(folder); }
  scratch(const scratch&) = delete;
  std::filesystem::path folder;
};

inline void change_byte(const std::filesystem::path& file, std::uint64_t at) {
  std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
  stream.seekg(static_cast<std::streamoff>(at));
  const auto old = static_cast<char>(stream.get());
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(static_cast<char>(old ^ 0x10));
}

}  // namespace sluice::spool
