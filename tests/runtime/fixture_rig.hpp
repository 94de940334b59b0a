// source -> a fixture -> sink.
#pragma once

#include "plugin/loader.hpp"
#include "runtime/test_rig.hpp"

#include <memory>
#include <string>

namespace sluice::runtime::test {

struct fixture_rig : rig {
  explicit fixture_rig(const std::string& name,
                       config::on_fault policy = config::on_fault::bypass) {
    const plugin::loader fixtures{{SLUICE_FIXTURES}};
    add("source", source);
    const config::found_plugin found = fixtures.find(name);
    config::stage_spec& made = add("broken", found.plugin, {"source"});
    made.library = found.library;
    made.fault_policy = policy;
    add("sink", sink, {"broken"});
  }
};

}  // namespace sluice::runtime::test
