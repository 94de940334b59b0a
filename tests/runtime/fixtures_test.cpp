#include "fixture_rig.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace sluice;
using namespace sluice::runtime;
using namespace sluice::runtime::test;

TEST_CASE("a fault in process drops the batch, is told, and after three the stage is passed by") {
  struct expected {
    const char* name;
    const char* message;
  };
  const expected all[] = {
      {"throwing_process", "process threw on purpose"},
      {"throwing_int", "threw something that is not a std::exception"},
      {"answered_twice", "a record was answered twice"},
      {"undeclared_absorb",
       "answered 32 for record 0 of a batch, which it did not declare (SLUICE_CAN_ABSORB)"},
      {"undeclared_hold", "hold is for transforms that declare SLUICE_CAN_HOLD, in process"},
      {"undeclared_emit", "emit is for transforms that declare SLUICE_CAN_EMIT"},
      {"transform_pushes", "push is for sources"},
      {"release_twice", "release: no such record is held"},
      {"unknown_reason", "answered 25 for record 0 of a batch, which is not a transform's answer"},
      {"unknown_answer", "answered 200 for record 0 of a batch, which is not a transform's answer"},
      {"bad_priority",
       "gave record 0 of a batch priority 77 and weight 1: allowed are 0 to 2, and 1 or more"},
      {"bad_weight",
       "gave record 0 of a batch priority 1 and weight -1: allowed are 0 to 2, and 1 or more"},
  };
  for (const expected& each : all) {
    INFO(each.name);
    fixture_rig on{each.name};
    on.build();
    on.give({{1}, {2}});
    CHECK(on.last_event("broken") == std::string{"fault: "} + each.message);
    CHECK(on.state("broken").faults == 1);
    CHECK(on.dropped("broken", SLUICE_DROP_FAULT) == 2);
    CHECK(on.words() == "");
    on.check_balance();

    on.give({{1}, {2}});
    on.give({{1}, {2}});
    CHECK(on.state("broken").bypassed);
    CHECK(on.last_event("broken") == "bypass: bypassed after three faults in ten seconds");
    on.give({{1}, {2}});
    CHECK(on.words() == "1:4 2:4");
    CHECK(on.drain());
    CHECK_FALSE(on.run->running().drained_with_loss());
    on.check_balance();
  }
}

TEST_CASE("a stage whose policy is to stop ends the pipeline") {
  fixture_rig on{"throwing_process", config::on_fault::stop};
  on.build();
  for (int i = 0; i < 3; ++i) on.give({{1}});
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
  CHECK(on.run->read().stopped_by == "broken");
  CHECK(on.last_event("broken") ==
        "stop: stopped after three faults in ten seconds, the last: process threw on purpose");
  on.check_balance();
}

TEST_CASE("what is held and never released is shutdown at the end") {
  fixture_rig on{"hold_never_released"};
  on.build();
  on.give_many(300);
  CHECK(on.state("broken").held == 300);
  on.check_balance();
  CHECK(on.drain());
  CHECK(on.dropped("broken", SLUICE_DROP_SHUTDOWN) == 300);
  CHECK(on.run->running().drained_with_loss());
  on.check_balance();
}

TEST_CASE("a stage that is never done draining is ended by the limit") {
  fixture_rig on{"endless_drain"};
  on.build();
  on.give({{1}});
  const std::int64_t began = on.run->now();
  CHECK(on.drain(2000 * ms));
  CHECK(on.run->now() - began == 2000 * ms);
  CHECK(on.words() == "1:1");
  CHECK_FALSE(on.run->running().drained_with_loss());
  on.check_balance();
}

TEST_CASE("a timer that throws bypasses its stage; records pass all the while") {
  fixture_rig on{"throwing_timer"};
  on.build();
  CHECK(on.last_event("broken") == "fault: on_timer threw on purpose");
  on.give({{1}});
  on.run->advance(100 * ms);
  CHECK(on.state("broken").faults == 3);
  CHECK(on.state("broken").bypassed);
  on.give({{1}});
  CHECK(on.words() == "1:1 1:2");
  on.check_balance();
}

TEST_CASE("a stage that refuses to start ends the pipeline, named") {
  fixture_rig on{"throwing_start"};
  on.build();
  CHECK(on.run->advance_until([&] { return on.run->running().stopped(); }, 1000 * ms));
  CHECK(on.run->read().stopped_by == "broken");
  CHECK(on.last_event("broken") == "stop: did not start: start threw on purpose");
  on.check_balance();
}

TEST_CASE("a stage that cannot be created keeps the pipeline from being made, named") {
  fixture_rig on{"throwing_constructor"};
  CHECK_THROWS_WITH_AS(on.build(), "broken: the constructor threw on purpose", std::runtime_error);
}

TEST_CASE("a sound one does nothing of the kind") {
  fixture_rig on{"sound"};
  on.build();
  on.give({{1}, {2}});
  CHECK(on.words() == "1:1 2:1");
  CHECK(on.state("broken").faults == 0);
  CHECK(on.drain());
  on.check_balance();
}
