// stage::invoke, for the files that call into plugins.
#pragma once

#include "runtime/lane.hpp"
#include "runtime/stage.hpp"

namespace sluice::runtime {

template <typename Function>
sluice_status stage::invoke(Function&& function) {
  sluice_text text{error_text_.data(), error_text_.size(), 0};
  lane_->entering(this);
  in_call_ = true;
  invalid_in_call_ = false;
  const sluice_status status = function(&text);
  in_call_ = false;
  lane_->entering(nullptr);
  error_size_ = text.size;
  return status;
}

}  // namespace sluice::runtime
