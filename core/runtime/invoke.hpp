// stage::invoke, for the files that call into plugins.
#pragma once

#include "runtime/lane.hpp"
#include "runtime/stage.hpp"

#include <algorithm>

namespace sluice::runtime {

template <typename Function>
sluice_status stage::invoke(Function&& function) {
  sluice_text text{error_text_.data(), error_text_.size(), 0};
  const stage* outer = lane_->current();  // a source's push runs what follows it
  lane_->entering(this);
  in_call_ = true;
  invalid_in_call_ = false;
  const sluice_status status = function(&text);
  in_call_ = false;
  lane_->entering(outer);
  error_size_ = std::min<std::size_t>(text.size, error_text_.size());
  return status;
}

}  // namespace sluice::runtime
