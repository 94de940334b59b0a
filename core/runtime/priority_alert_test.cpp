// A queue's loss of what no policy may drop: shown, and told at most once a second.
#include "runtime/test_rig.hpp"

namespace priority_alert_test {

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

TEST_CASE("records of priority 0 that a queue loses are shown and alerted of, once a second") {
  rig on;
  on.add("source", source);
  on.add("sink", sink, {"source"}).queue->records = 10;
  on["sink"].ready = [](std::uint32_t, duration) { return 0u; };
  on.build();
  const auto alerts = [&] {
    std::vector<std::string> found;
    for (const event& each : on.run->running().events(0))
      if (each.kind == "priority_lost") {
        CHECK(each.severity == SLUICE_WARN);
        CHECK(each.stage == "sink");
        found.push_back(each.message);
      }
    return found;
  };
  on.give_many(100);
  on.run->advance(2000 * ms);
  CHECK(on.state("sink").queue.priority_lost == 0);
  CHECK(alerts().empty());

  on.give_many(13, {1, "text", SLUICE_PRIORITY_HIGH});
  CHECK(on.state("sink").queue.priority_lost == 3);
  on.run->advance(100 * ms);
  CHECK(alerts() == std::vector<std::string>{"its queue lost 3 records of priority 0"});
  for (int i = 0; i < 5; ++i) {
    on.give_many(1, {1, "text", SLUICE_PRIORITY_HIGH});
    on.run->advance(100 * ms);
  }
  CHECK(alerts().size() == 1);
  on.run->advance(1000 * ms);
  CHECK(alerts().size() == 2);
  CHECK(alerts().back() == "its queue lost 5 records of priority 0");
  on.run->advance(5000 * ms);
  CHECK(alerts().size() == 2);
  on.check_balance();
}

}  // namespace priority_alert_test
