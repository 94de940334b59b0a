// stage::invoke and stage::ask, for the files that call into plugins.
#pragma once

#include "runtime/call_scope.hpp"
#include "runtime/lane.hpp"
#include "runtime/stage.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace sluice::runtime {

template <typename Function>
sluice_status stage::invoke(Function&& function) {
  sluice_text text{error_text_.data(), error_text_.size(), 0};
  const stage* outer = lane_->current();  // a source's push runs what follows it
  const call_scope here{*object_, call_scope::tag::lane};
  lane_->entering(this);
  in_call_ = true;
  invalid_in_call_ = false;
  const sluice_status status = function(&text);
  in_call_ = false;
  lane_->entering(outer);
  if (lane_->failed) [[unlikely]]
    std::rethrow_exception(std::exchange(lane_->failed, nullptr));
  error_size_ = std::min<std::size_t>(text.size, error_text_.size());
  return status;
}

template <typename Function>
std::uint32_t stage::ask(Function&& function) {
  std::uint32_t answer = 0;
  const std::uint64_t before = faults;
  // That it threw is said by an event: host_calls makes a fault of it.
  invoke([&](sluice_text*) { return answer = function(), SLUICE_OK; });
  if (on_trial()) [[unlikely]]
    faults == before ? prove() : revert(std::string{last_fault_});
  end_call();
  return answer;
}

}  // namespace sluice::runtime
