#include "scenario/tally.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <utility>

namespace sluice::scenario {

namespace {

constexpr std::uint8_t live = SLUICE_PRIORITY_NORMAL, again = SLUICE_PRIORITY_LOW;

/// Of one instrument that was given six numbers: these were published, in this order.
tally after(std::initializer_list<std::pair<std::uint64_t, std::uint8_t>> published) {
  tally made{1};
  for (int i = 0; i < 6; ++i) made.received(std::array<std::uint32_t, 1>{0}, 0);
  for (const auto& [seq, priority] : published)
    made.published(std::array{sent_record{0, seq, 0, priority}}, 0);
  return made;
}

}  // namespace

TEST_CASE("tally: gaps, and what follows the last, are missing") {
  CHECK(after({{1, live}, {2, live}, {5, live}}).missing() == 3);
  CHECK(after({}).missing() == 6);
}

TEST_CASE("tally: what is sent again fills its gap, in order by itself") {
  const tally seen = after({{1, live}, {5, live}, {2, again}, {6, live}, {3, again}});
  CHECK(seen.missing() == 1);
  CHECK(seen.overtaken() == 0);
}

TEST_CASE("tally: out of order, or twice, within a priority") {
  CHECK(after({{1, live}, {3, live}, {2, live}}).overtaken() == 1);
  CHECK(after({{1, live}, {1, live}}).overtaken() == 1);
  CHECK(after({{5, live}, {3, again}, {2, again}}).overtaken() == 1);
}

}  // namespace sluice::scenario
