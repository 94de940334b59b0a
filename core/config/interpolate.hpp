// ${VAR}, ${VAR:-default}, ${VAR:?message}, ${file:/path} and, for secrets, ${redis:URL} inside a
// string; $${ is a plain ${.
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
  std::string error;      ///< names the variable or file, never what is in it
  std::string shown;      ///< the text, but what came from outside stands as its ${...}
  bool outside = false;   ///< some of it came from a variable, a file or a Redis
  bool redis = false;     ///< some of it does not come from this machine: reading it takes time
  bool password = false;  ///< the string itself holds one
  std::vector<std::string>
      origins;  ///< of each ${...}: "environment A", "file /path", "B is not set"
};

/// What is done about a ${redis:...}.
enum class redis_keys : std::uint8_t {
  refused,  ///< an error: what a lane is to know at once cannot be there
  named,    ///< checked, not read: the text lacks it
  read      ///< read, which blocks; see read_redis_key, whose exceptions pass
};

/// Reads the environment and files as they are now. A file is regular, at most 4 KiB, and loses
/// its trailing line ends.
expansion expand(std::string_view raw, const environment& variables,
                 redis_keys remote = redis_keys::refused);

}  // namespace sluice::config
