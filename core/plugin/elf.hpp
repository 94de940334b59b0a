// What a shared object exports, read from the file: before dlopen runs any of its code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sluice::plugin {

/// A symbol that the dynamic linker would find.
struct exported_symbol {
  std::string name;
  std::uint64_t size = 0;  ///< bytes, as the file says
  bool is_data = false;    ///< an object, not a function
  bool unique = false;     ///< STB_GNU_UNIQUE: the library could never be replaced
};

/// The defined, visible dynamic symbols of a shared object for this machine. Reads no more than it
/// must of any file, however damaged. Throws std::runtime_error with the reason, without the path.
std::vector<exported_symbol> read_exports(const std::filesystem::path& file);

}  // namespace sluice::plugin
