#pragma once
#include <sluice/stage.hpp>

/// Keeps every second record, and all of high priority.
class every_second {
 public:
  struct config {
    bool first = true;
  };
  static constexpr auto fields = sluice::fields(
      sluice::field<&config::first>("first", "Begin with one that is kept.").by_default("true"));
  static constexpr sluice::description about{"every_second", "1.0.0", "Keeps every second record."};

  every_second(const config& given, sluice::host) : keep_{given.first} {}
  void process(sluice::batch& batch) {
    for (const sluice::record& each : batch) {
      if (each.priority == SLUICE_PRIORITY_HIGH) continue;  // never dropped by policy
      if (!keep_) batch.drop(each, sluice::reason::sampled);
      keep_ = !keep_;
    }
  }

 private:
  bool keep_;
};
