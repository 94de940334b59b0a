// my_stage/my_stage.hpp - a transform that drops what is too small.
#pragma once

#include <sluice/stage.hpp>

#include <cstdint>

namespace stages {

/// Keeps the records whose payload has at least `minimum` bytes, and all of high priority.
class my_stage {
 public:
  struct config {
    std::uint32_t minimum = 0;
  };

  static constexpr auto fields =
      sluice::fields(sluice::field<&config::minimum>("minimum", "Smallest payload that is kept.")
                         .by_default("1")
                         .in_unit("bytes")
                         .live());
  static constexpr sluice::description about{"my_stage", "0.1.0", "Drops records too small."};

  my_stage(const config& given, sluice::host) : minimum_{given.minimum} {}

  /// Answers for each record of a batch; one without an answer goes on.
  void process(sluice::batch& records);
  /// `minimum` is live: it may change while the pipeline runs.
  void reconfigure(const config& given) { minimum_ = given.minimum; }

 private:
  std::uint32_t minimum_;
};

}  // namespace stages
