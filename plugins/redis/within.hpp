// Words for a limit that was reached.
#pragma once

#include <sluice/stage.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace sluice::redis {

/// "no reply within 500 ms".
inline std::string within(std::string_view what, duration limit) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  return std::string{what} + " within " + std::to_string(ms) + " ms";
}

}  // namespace sluice::redis
