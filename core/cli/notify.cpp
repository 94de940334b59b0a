#include "cli/notify.hpp"

#include <systemd/sd-daemon.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>

namespace sluice::cli {
namespace {

/// What cannot be said is not missed: a manager that is gone cannot hear why either.
void tell(const std::string& message) { sd_notify(0, message.c_str()); }

}  // namespace

service_manager::service_manager() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  listens_ = socket != nullptr && *socket != '\0';
  std::uint64_t limit_us = 0;
  if (sd_watchdog_enabled(0, &limit_us) > 0) watchdog_ = std::chrono::microseconds{limit_us / 2};
}

void service_manager::ready() { tell("READY=1"); }
void service_manager::reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto us = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us));
}
void service_manager::stopping() { tell("STOPPING=1"); }
void service_manager::status(std::string_view line) { tell("STATUS=" + std::string{line}); }

void service_manager::alive(clock::time_point now) {
  if (!watchdog_ || (last_ && now - *last_ < *watchdog_)) return;
  last_ = now;
  tell("WATCHDOG=1");
}

}  // namespace sluice::cli
