// The main thread of a running pipeline: signals, the 100 ms tick, the control socket.
#pragma once

#include "control/change_commands.hpp"
#include "runtime/pipeline.hpp"
#include "telemetry/log.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

namespace sluice::cli {

struct service_options {
  std::filesystem::path control_socket;
  std::int64_t drain_limit_ns = 0;   ///< for the message alone
  std::int64_t status_every_ns = 0;  ///< a line of figures in the log; 0: never
  control::configuration from{};     ///< what it is reloaded from
};

class service {
 public:
  /// Claims the control socket and takes the signals, before anything is started. Throws
  /// std::runtime_error, for one if the pipeline runs already.
  service(service_options options, telemetry::log& log);
  ~service();

  /// Starts the pipeline and returns when it has stopped. SIGTERM and SIGINT begin its drain, a
  /// second one ends it at once; SIGHUP reloads its file; SIGUSR1 writes the status to the log. A
  /// service manager (sd_notify(3)) is told when it runs, each second how it does, when it reloads,
  /// and when it drains.
  void run(runtime::pipeline& pipeline);

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace sluice::cli
