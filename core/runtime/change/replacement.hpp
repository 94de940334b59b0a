// What takes the place of a stage's object, and how that went.
#pragma once

#include "runtime/change/change.hpp"
#include "runtime/plugin_object.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::runtime {

/// Whether a new object's first batch passed. Written by the lane, read by whoever changed it.
class trial {
 public:
  enum class verdict : std::uint8_t { open, proven, reverted };
  void end(verdict how, std::string_view why) {
    const std::lock_guard lock{mutex_};
    verdict_ = how;
    why_ = why;
  }
  verdict read(std::string& why) const {
    const std::lock_guard lock{mutex_};
    why = why_;
    return verdict_;
  }

 private:
  mutable std::mutex mutex_;
  verdict verdict_ = verdict::open;
  std::string why_;
};

struct replacement {
  config::stage_spec spec;
  std::unique_ptr<plugin_object> next;  ///< created and tested; given back if it is not taken
  bool started = false;                 ///< it was started off the lane
  bool lose_state = false;
  std::shared_ptr<trial> on_trial;  ///< set by the stage if the old object may come back
  stage_receipt* told = nullptr;    ///< state, carried, released, error
};

}  // namespace sluice::runtime
