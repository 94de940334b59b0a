#include "conformance/suite.hpp"

#include "conformance/cases.hpp"

#include <algorithm>
#include <array>
#include <exception>

namespace sluice::testing::conformance {

namespace {

constexpr std::array all_cases{
    test_case{"descriptor", "one symbol, a known version, rows with their defaults and docs",
              after::nothing, &loads},
    test_case{"name", "its file is named as it is", after::loaded, &has_its_name},
    test_case{"imports", "log, time and work come from the host", after::loaded,
              &imports_nothing_of_the_hosts},
    test_case{"config", "values within bounds are taken or refused by name, others refused",
              after::loaded, &keeps_its_rows},
    test_case{"create", "a stage is created and starts", after::loaded, &creates_and_starts},
    test_case{"answers", "of a record it changes weight and priority only, and no call fails",
              after::created, &only_answers},
    test_case{"lifecycle", "it may be destroyed or drained at any time", after::answered,
              &ends_at_any_time},
    test_case{"objects", "several at once know nothing of each other", after::answered,
              &stands_beside_itself},
    test_case{"extensions", "tables are whole, and null for ids it does not know", after::answered,
              &answers_for_extensions},
    test_case{"wake", "a poll returns at once when it was woken", after::answered, &wakes},
    test_case{"ledger", "every record is accounted for, none lost to a fault", after::answered,
              &adds_up},
    test_case{"batches", "batches of 1 to 256, empty and large payloads", after::answered,
              &takes_any_batch},
    test_case{"drain", "it is done in time, and nothing is left", after::answered, &drains},
    test_case{"priority", "records of priority 0 are not dropped by policy", after::answered,
              &keeps_priority_high},
    test_case{"levels", "every level, up and down, under traffic", after::answered,
              &bears_every_level},
    test_case{"live", "rows that are live change while it runs", after::answered,
              &takes_live_values},
    test_case{"faults", "a host call that fails is borne", after::answered, &bears_failing_calls},
    test_case{"state", "exported, imported and exported again it is the same", after::answered,
              &brings_its_state_back},
    test_case{"damage", "a damaged state is refused, or does no harm", after::answered,
              &refuses_damaged_state},
    test_case{"swap", "100 exchanges under traffic lose nothing", after::answered, &swaps},
    test_case{"threads", "it starts no thread", after::answered, &starts_no_thread},
    test_case{"output", "it writes to standard output only if it declares it", after::answered,
              &prints_nothing},
    test_case{"leaks", "what it took is given back by destroy", after::answered, &leaks_nothing},
    test_case{"growth", "its memory does not grow with the records it has seen", after::answered,
              &does_not_grow},
    test_case{"codecs", "the schemas it emits are explained, within bounds", after::answered,
              &explains_its_schemas},
    test_case{"guard", "a guard allows at first, and refuses states it does not have",
              after::answered, &guards},
};

}  // namespace

std::span<const test_case> cases() { return all_cases; }

const test_case* find_case(std::string_view name) {
  const auto found = std::find_if(all_cases.begin(), all_cases.end(),
                                  [&](const test_case& each) { return each.name == name; });
  return found == all_cases.end() ? nullptr : &*found;
}

verdict run(const test_case& which, const subject& of) {
  bench on{of};
  try {
    which.run(on);
    return {result::pass, on.said};
  } catch (const skipped& why) {
    return {result::skip, why.what()};
  } catch (const std::exception& why) {
    return {result::fail, why.what()};
  }
}

}  // namespace sluice::testing::conformance
