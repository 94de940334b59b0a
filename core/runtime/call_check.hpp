// What abi.h asks of where a host call is made, checked on each: a comparison of one pointer.
#pragma once

#include <sluice/abi.h>

namespace sluice::runtime {

enum class call_place {
  in_lane,           // a call of the lane to the object, perhaps before that took its place
  in_lane_in_place,  // the same, of the object that is its stage
  in_create,
  in_any_call  // of the lane, or of a worker
};

/// False: nothing is to be done. A fault is counted then, and the call blamed by name, once of each
/// object: a thread gone astray calls again and again.
bool call_allowed(const sluice_host* host, const char* call, call_place where);
/// The same without a consequence.
bool is_within(const sluice_host* host, call_place where);

}  // namespace sluice::runtime
