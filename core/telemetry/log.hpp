// The process's log: lines on stderr, as text or as JSON.
#pragma once

#include "runtime/clock.hpp"
#include "runtime/pipeline.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::telemetry {

struct log_options {
  bool json = false;
  std::uint32_t least = SLUICE_INFO;  ///< severity of the least that is written
  /// Where whole lines go, for tests; null: stderr, in colour on a terminal unless $NO_COLOR is set
  std::function<void(std::string_view line)> write;
};

/// Every call is for any thread. Repeated lines are limited; control characters are escaped, so
/// that what a peer sent cannot forge a line.
class log {
 public:
  log(log_options options, const runtime::clock& time);
  ~log();
  log(const log&) = delete;
  log& operator=(const log&) = delete;

  /// `stage` may be empty: the core itself.
  void write(std::uint32_t severity, std::string_view stage, std::string_view message);
  /// From now on what is less severe is not written.
  void least(std::uint32_t severity);
  /// Says what was left out; every second or so.
  void tick();

  /// For the pipeline; valid as long as this log.
  runtime::logger logger();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

/// A line without its end. `unix_ns` since 1970.
std::string text_line(std::int64_t unix_ns, std::uint32_t severity, std::string_view stage,
                      std::string_view message);
std::string json_line(std::int64_t unix_ns, std::uint32_t severity, std::string_view stage,
                      std::string_view message);

/// "2026-11-23T04:05:06.789Z".
std::string utc(std::int64_t unix_ns);

/// "debug", "info", "warn", "error".
const char* severity_name(std::uint32_t severity);

}  // namespace sluice::telemetry
