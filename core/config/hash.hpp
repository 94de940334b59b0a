#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

/// SHA-256 in lower-case hexadecimal. Throws std::runtime_error if the library refuses.
std::string sha256(std::string_view text);

}  // namespace sluice::config
