#include "deduplicator.hpp"

#include "../testing/world.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <memory>

using sluice::testing::harness;
using sluice::testing::input;

namespace {
std::string texts(harness& run) {
  std::string all;
  for (const auto& out : run.outputs()) all += out.text + " ";
  return all;
}
}  // namespace

TEST_CASE("a repeated payload is dropped as conflated, per key") {
  harness run{sluice::plugin_of<sluice::deduplicator::deduplicator>};
  run.push({{.key = 1, .text = "a"}, {.key = 2, .text = "a"}, {.key = 1, .text = "a"}});
  run.push({{.key = 1, .text = "b"}, {.key = 1, .text = "a"}, {.key = 2, .text = "a"}});
  CHECK(texts(run) == "a a b a ");
  CHECK(run.count().dropped[SLUICE_DROP_CONFLATED] == 2);
  CHECK(run.balanced());
}

TEST_CASE("an empty payload is a payload, and another schema is another record") {
  harness run{sluice::plugin_of<sluice::deduplicator::deduplicator>};
  run.push({{.key = 1, .text = ""}, {.key = 1, .text = ""}});
  CHECK(run.outputs().size() == 1);
  run.push({{.key = 1, .text = "", .schema = "test/2"}});
  CHECK(run.outputs().size() == 1);
}

TEST_CASE("high priority passes whole") {
  harness run{sluice::plugin_of<sluice::deduplicator::deduplicator>};
  const input order{.key = 1, .text = "order", .priority = sluice::priority::high};
  run.push({order, order});
  CHECK(run.outputs().size() == 2);
}

TEST_CASE("swapped, it knows each key's last payload") {
  using sluice::deduplicator::deduplicator;
  namespace test = sluice::test;
  test::world here;
  deduplicator before{{}, here.host()};
  here.push(before, {{.key = 1, .text = "a"}, {.key = 3, .text = "c"}});
  const test::bytes state = test::state_of(before);
  deduplicator after{{}, here.host()};
  test::load(after, state);
  here.outputs();
  here.push(after, {{.key = 1, .text = "a"}, {.key = 3, .text = "d"}, {.key = 2, .text = ""}});
  const auto out = here.outputs();
  REQUIRE(out.size() == 2);
  CHECK(out[0].text == "d");

  test::check_state(
      state, [&] { return std::make_unique<deduplicator>(deduplicator::config{}, here.host()); },
      [&](deduplicator& any) {
        here.push(any, {{.key = 1}, {.key = 7}});
      });
}
