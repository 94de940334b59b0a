#include "runtime/clock.hpp"

#include <chrono>

namespace sluice::runtime {

std::int64_t system_clock::now() const {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1};
}

std::int64_t system_clock::unix_time() const {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds{1};
}

}  // namespace sluice::runtime
