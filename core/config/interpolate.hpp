// ${VAR}, ${VAR:-default}, ${VAR:?message} and ${file:/path} inside a string; $${ is a plain ${.
#pragma once

#include "config/load.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

struct expansion {
  enum class failure : std::uint8_t { none, syntax, variable, file };
  std::string text;
  bool used = false;   ///< there was at least one ${...}
  bool whole = false;  ///< the string is one ${...} and nothing else
  failure failed = failure::none;
  std::string error;     ///< names the variable or file, never what is in it
  std::string shown;     ///< the text, but what came from outside stands as its ${...}
  bool outside = false;  ///< some of it came from a variable or a file
  std::vector<std::string>
      origins;  ///< of each ${...}: "environment A", "file /path", "B is not set"
};

/// Reads the environment and files as they are now. A file is regular, at most 4 KiB, and loses
/// its trailing line ends.
expansion expand(std::string_view raw, const environment& variables);

}  // namespace sluice::config
