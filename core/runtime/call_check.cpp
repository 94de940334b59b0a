#include "runtime/call_check.hpp"

#include "runtime/call_scope.hpp"
#include "runtime/stage.hpp"

#include <string>

namespace sluice::runtime {

namespace {

using tag = call_scope::tag;

const char* name_of(call_place where) {
  switch (where) {
    case call_place::in_lane:
    case call_place::in_lane_in_place: return "its stage's lane";
    case call_place::in_create: return "create";
    case call_place::in_any_call: break;
  }
  return "calls of its stage";
}

const char* place_of(const plugin_object& object, call_place allowed) {
  if (call_scope::within(object, tag::control))
    return "too early or too late: in create, self_test, import_state or destroy";
  if (!call_scope::within(object)) return "on another thread, or between two calls of the stage";
  return allowed == call_place::in_create ? "too late: in the lane"
                                          : "too early: before it took its place";
}

__attribute__((cold)) void blame(plugin_object& object, const char* call, call_place allowed) {
  std::string text;
  if (object.first_misuse(call))
    text = std::string{call} + " is for " + name_of(allowed) + ", and was called " +
           place_of(object, allowed);
  object.owner().fault_elsewhere(text);
}

}  // namespace

bool is_within(const sluice_host* host, call_place where) {
  const plugin_object& object = plugin_object::of(host);
  switch (where) {
    case call_place::in_lane: return call_scope::within(object, tag::lane);
    case call_place::in_lane_in_place:
      return call_scope::within(object, tag::lane) && &object.owner().object() == &object;
    case call_place::in_create: return call_scope::within(object, tag::control);
    case call_place::in_any_call: break;
  }
  return call_scope::within(object);
}

bool call_allowed(const sluice_host* host, const char* call, call_place where) {
  if (is_within(host, where)) [[likely]]
    return true;
  blame(plugin_object::of(host), call, where);
  return false;
}

}  // namespace sluice::runtime
