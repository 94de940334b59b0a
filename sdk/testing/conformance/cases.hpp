// The cases, a file for each idea; suite.cpp has their names.
#pragma once

#include "conformance/bench.hpp"

namespace sluice::testing::conformance {

// file_cases.cpp: the shared object as such
void loads(bench& on);
void has_its_name(bench& on);
void imports_nothing_of_the_hosts(bench& on);

// config_cases.cpp
void keeps_its_rows(bench& on);
void takes_live_values(bench& on);

// life_cases.cpp: the order of calls
void creates_and_starts(bench& on);
void ends_at_any_time(bench& on);
void stands_beside_itself(bench& on);
void answers_for_extensions(bench& on);
void wakes(bench& on);
void drains(bench& on);

// record_cases.cpp: what it does with records
void only_answers(bench& on);
void adds_up(bench& on);
void takes_any_batch(bench& on);
void keeps_priority_high(bench& on);
void bears_every_level(bench& on);
void bears_failing_calls(bench& on);

// state_cases.cpp: being changed
void brings_its_state_back(bench& on);
void refuses_damaged_state(bench& on);
void swaps(bench& on);

// resource_cases.cpp: what it takes from the process
void starts_no_thread(bench& on);
void prints_nothing(bench& on);
void leaks_nothing(bench& on);
void does_not_grow(bench& on);

// extension_cases.cpp: what some plugins offer beyond abi.h
void explains_its_schemas(bench& on);
void guards(bench& on);

}  // namespace sluice::testing::conformance
