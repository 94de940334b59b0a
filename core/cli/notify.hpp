// Tells the service manager how the process does: sd_notify(3). It is silent where none listens.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::cli {

class service_manager {
 public:
  using clock = std::chrono::steady_clock;

  /// Reads $NOTIFY_SOCKET and $WATCHDOG_USEC, as systemd sets them for a unit of Type=notify.
  service_manager();

  /// Whether somebody listens: what is costly to say need not be made up otherwise.
  bool listens() const { return listens_; }
  void ready();
  /// Until `ready` is said again.
  void reloading();
  void stopping();
  /// One line for `systemctl status`. No secrets: it is readable by everybody.
  void status(std::string_view line);
  /// Keeps the watchdog content: twice in its time, however often it is called.
  void alive(clock::time_point now);

 private:
  bool listens_;
  std::optional<clock::duration> watchdog_;  ///< between two signs of life; none: not watched
  std::optional<clock::time_point> last_;
};

}  // namespace sluice::cli
