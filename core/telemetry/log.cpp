#include "telemetry/log.hpp"

#include "telemetry/line_limiter.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace sluice::telemetry {
namespace {

spdlog::level::level_enum level_of(std::uint32_t severity) {
  constexpr std::array levels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                 spdlog::level::err};
  return levels[std::min<std::uint32_t>(severity, SLUICE_ERROR)];
}

/// Hands formatted lines to a function.
class function_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit function_sink(std::function<void(std::string_view)> write) : write_{std::move(write)} {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    write_({line.data(), line.size()});
  }
  void flush_() override {}
  std::function<void(std::string_view)> write_;
};

spdlog::sink_ptr sink_of(const log_options& options) {
  if (options.write) return std::make_shared<function_sink>(options.write);
  if (options.json || std::getenv("NO_COLOR") != nullptr)
    return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  return std::make_shared<spdlog::sinks::stderr_color_sink_mt>();  // colour on a terminal only
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
}

}  // namespace

const char* severity_name(std::uint32_t severity) {
  constexpr std::array names = {"debug", "info", "warn", "error"};
  return names[std::min<std::uint32_t>(severity, SLUICE_ERROR)];
}

std::string utc(std::int64_t unix_ns) {
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     unix_ns / 1'000'000 % 1000);
}

std::string text_line(std::int64_t unix_ns, std::uint32_t severity, std::string_view stage,
                      std::string_view message) {
  std::string line = fmt::format("{} {:<5} ", utc(unix_ns), severity_name(severity));
  if (!stage.empty()) {
    append_escaped(line, stage);
    line += ": ";
  }
  append_escaped(line, message);
  return line;
}

std::string json_line(std::int64_t unix_ns, std::uint32_t severity, std::string_view stage,
                      std::string_view message) {
  boost::json::object line{{"time", utc(unix_ns)}, {"severity", severity_name(severity)}};
  if (!stage.empty()) line["stage"] = stage;
  line["message"] = message;
  return boost::json::serialize(line);
}

struct log::parts {
  parts(log_options given, const runtime::clock& clock)
      : options{std::move(given)},
        least{options.least},
        time{clock},
        out{"sluice", sink_of(options)} {
    out.set_level(spdlog::level::trace);
    // Time and severity are the line's own: it is rendered once, with the injected clock.
    out.set_pattern(options.json ? "%v" : "%^%v%$");
    out.flush_on(spdlog::level::trace);
  }

  void put(std::uint32_t severity, std::string_view stage, std::string_view message) {
    const std::int64_t now = time.unix_time();
    const std::string line = options.json ? json_line(now, severity, stage, message)
                                          : text_line(now, severity, stage, message);
    const std::lock_guard lock{write_mutex};
    if (!writable()) {
      ++unwritten;
      return;
    }
    if (unwritten > 0) {
      const std::string lost =
          fmt::format("{} lines are lost: the log was not read", std::exchange(unwritten, 0));
      out.log(spdlog::level::warn, options.json ? json_line(now, SLUICE_WARN, "", lost)
                                                : text_line(now, SLUICE_WARN, "", lost));
      if (!writable()) {
        unwritten = 1;
        return;
      }
    }
    out.log(level_of(severity),
            spdlog::string_view_t{line.data(), std::min(line.size(), longest_line)});
  }

  /// Lanes and the watchdog log: none of them waits for who reads. A pipe that is writable takes
  /// PIPE_BUF (4096) bytes without blocking.
  bool writable() const {
    if (options.write) return true;
    pollfd to{STDERR_FILENO, POLLOUT, 0};
    return ::poll(&to, 1, 0) != 0;
  }

  void say(const std::vector<line_limiter::left_out>& lines) {
    for (const auto& one : lines)
      put(one.severity, one.stage, fmt::format("{} ({} more times)", one.message, one.times));
  }

  static constexpr std::size_t longest_line = 4000;

  log_options options;
  std::atomic<std::uint32_t> least;
  const runtime::clock& time;
  spdlog::logger out;
  std::mutex write_mutex;
  std::uint64_t unwritten = 0;  // under write_mutex
  std::mutex mutex;             // the limiter's
  line_limiter limiter;
};

log::log(log_options options, const runtime::clock& time)
    : parts_{std::make_unique<parts>(std::move(options), time)} {}

log::~log() { parts_->say(parts_->limiter.collect(parts_->time.now(), true)); }

void log::least(std::uint32_t severity) {
  parts_->least.store(std::min<std::uint32_t>(severity, SLUICE_ERROR), std::memory_order_relaxed);
}

void log::write(std::uint32_t severity, std::string_view stage, std::string_view message) {
  if (severity < parts_->least.load(std::memory_order_relaxed)) return;
  {
    const std::lock_guard lock{parts_->mutex};
    if (!parts_->limiter.admit(severity, stage, message, parts_->time.now())) return;
  }
  parts_->put(severity, stage, message);
}

void log::tick() {
  std::vector<line_limiter::left_out> ended;
  {
    const std::lock_guard lock{parts_->mutex};
    ended = parts_->limiter.collect(parts_->time.now());
  }
  parts_->say(ended);
}

runtime::logger log::logger() {
  return [this](std::uint32_t severity, std::string_view stage, std::string_view message) {
    write(severity, stage, message);
  };
}

}  // namespace sluice::telemetry
