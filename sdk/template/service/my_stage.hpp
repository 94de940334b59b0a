// my_stage/my_stage.hpp - a service that writes the pipeline's level to the log.
#pragma once

#include <sluice/stage.hpp>

namespace stages {

/// A service sees no records. It reads documents of the whole pipeline (sluice/ext/control.h).
class my_stage {
 public:
  struct config {
    sluice::duration interval{};
  };

  static constexpr auto fields =
      sluice::fields(sluice::field<&config::interval>("interval", "Time between two lines.")
                         .by_default("1s")
                         .between(1e8, 3'600e9));
  static constexpr sluice::description about{"my_stage", "0.1.0", "Logs the pipeline's level.",
                                             SLUICE_SERVICE};

  my_stage(const config& given, sluice::host host) : host_{host}, interval_{given.interval} {}

  void start() { host_.wake_at(host_.now() + interval_); }
  void on_timer(sluice::time_point now);

 private:
  sluice::host host_;
  sluice::duration interval_;
};

}  // namespace stages
