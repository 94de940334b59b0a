#include "telemetry/line_limiter.hpp"

namespace sluice::telemetry {

bool line_limiter::admit(std::uint32_t severity, std::string_view stage, std::string_view message,
                         std::int64_t now_ns) {
  const std::pair<std::string, std::string> key{stage, message};
  const auto found = lines_.find(key);
  if (found == lines_.end()) {
    if (lines_.size() < lines_max) lines_.emplace(key, line{now_ns, 1, severity});
    return true;
  }
  // An ended window is ended by collect(), which also reports it.
  return ++found->second.times <= burst;
}

std::vector<line_limiter::left_out> line_limiter::collect(std::int64_t now_ns, bool all) {
  std::vector<left_out> found;
  for (auto it = lines_.begin(); it != lines_.end();) {
    if (!all && now_ns - it->second.begun < window_ns) {
      ++it;
      continue;
    }
    if (it->second.times > burst)
      found.push_back(
          {it->second.severity, it->first.first, it->first.second, it->second.times - burst});
    it = lines_.erase(it);
  }
  return found;
}

}  // namespace sluice::telemetry
