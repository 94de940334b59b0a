// What a shared object exports and imports, read from its bytes: before dlopen runs its code.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::plugin {

/// A symbol that the dynamic linker would find.
struct exported_symbol {
  std::string name;
  std::uint64_t size = 0;  ///< bytes, as the file says
  bool is_data = false;    ///< an object, not a function
  bool unique = false;     ///< STB_GNU_UNIQUE: the library could never be replaced
};

/// The defined, visible dynamic symbols of a shared object for this machine, of which `bytes` is
/// the whole file. These may be anything: it reads within them. Throws std::runtime_error with the
/// reason.
std::vector<exported_symbol> read_exports(std::string_view bytes);

/// The names it wants of others, each once, as the linker has them (mangled). Like read_exports.
std::vector<std::string> read_imports(std::string_view bytes);

}  // namespace sluice::plugin
