// What an operator does to a running pipeline.
#include "runtime/test_rig.hpp"

#include <string>

namespace operate_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

TEST_CASE("guard: an operator forces it in its lane, all its shards, by name or all guards") {
  rig on;
  on.add("source", source);
  on.add("guard", guard, {"source"});
  on.add("sink", sink, {"guard"}).shards = 2;
  std::string first, second;  // what each shard was forced to
  const auto note = [](std::string& into) {
    return [&into](std::uint32_t state) {
      into += std::to_string(state);
      return state != SLUICE_GUARD_METRICS_ONLY;
    };
  };
  on["guard/0"].force = note(first);
  on["guard/1"].force = note(second);
  on.build();
  engine& running = on.run->running();
  CHECK(running.force_guard("guard", SLUICE_GUARD_FORCED_OPEN) == SLUICE_OK);
  CHECK(first + second == "");  // not on this thread
  on.run->settle();
  CHECK(first == "1");
  CHECK(second == "1");
  CHECK(running.force_guard("", SLUICE_GUARD_AUTOMATIC) == SLUICE_OK);
  on.run->settle();
  CHECK(running.force_guard("guard/1", SLUICE_GUARD_DISABLED) == SLUICE_OK);
  on.run->settle();
  CHECK(first == "10");
  CHECK(second == "102");
  CHECK(running.force_guard("sink", SLUICE_GUARD_DISABLED) == SLUICE_INVALID);
  CHECK(running.force_guard("nobody", SLUICE_GUARD_DISABLED) == SLUICE_INVALID);
  CHECK(running.force_guard("guard", 4) == SLUICE_INVALID);
  CHECK(running.force_guard("guard/0", SLUICE_GUARD_METRICS_ONLY) == SLUICE_OK);
  on.run->settle();
  CHECK(on.last_event("guard/0") == "guard: cannot be forced to state 3");
}

}  // namespace operate_test
