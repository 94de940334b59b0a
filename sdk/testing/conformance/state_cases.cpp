#include "conformance/cases.hpp"
#include "conformance/traffic.hpp"
#include "conformance/watch.hpp"

#include <sluice/ext/swap.h>
#include <sluice/record.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <vector>

namespace sluice::testing::conformance {

namespace {

using bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t swaps_in_a_row = 100;
/// Of a long state not every length is tried, nor every byte.
constexpr std::size_t most_damages = 512;
constexpr std::uint32_t damage_seed = 20'260'105;

const sluice_swap& state_table(bench& on) {
  const auto* table = on.extension<sluice_swap>(SLUICE_EXT_SWAP);
  if (table == nullptr || table->export_state == nullptr || view(table->writes).empty())
    on.skip("it has no state");
  return *table;
}

std::string difference(const bytes& a, const bytes& b) {
  if (a.size() != b.size())
    return "it has " + amount(static_cast<std::int64_t>(b.size()), "byte") + " instead of " +
           std::to_string(a.size());
  const auto at = std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin();
  return "byte " + std::to_string(at) + " of " + std::to_string(a.size()) + " differs";
}

/// A state with something in it, by a stage under pressure.
bytes state_of_one_at_work(bench& on) {
  harness run = on.make();
  run.pressure(pressure_of(SLUICE_CRITICAL));
  live(on, run, 5);
  on.doing("exporting its state");
  return run.state();
}

/// Cut short, and with one byte changed.
std::vector<bytes> damaged(const bytes& sound) {
  std::vector<bytes> all;
  std::mt19937 random{damage_seed};
  const std::size_t step = 1 + sound.size() / most_damages;
  for (std::size_t size = 0; size < sound.size(); size += step)
    all.emplace_back(sound.begin(), sound.begin() + static_cast<std::ptrdiff_t>(size));
  for (std::size_t at = 0; at < sound.size(); at += step) {
    bytes& flipped = all.emplace_back(sound);
    flipped[at] ^= static_cast<std::uint8_t>(1u << random() % 8);
    bytes& large = all.emplace_back(sound);
    large[at] = 0xff;
  }
  bytes& longer = all.emplace_back(sound);
  longer.insert(longer.end(), 64, 0xff);
  return all;
}

/// A little traffic on both sides of an exchange; where time is real it goes on without a wait.
void pass(bench& on, harness& in, std::uint32_t salt) {
  if (!on.can(SLUICE_CAN_IO)) return live(on, in, 1, salt);
  if (takes_input(on)) in.push(mixed(40, salt));
}

/// The exchange, between batches. At first a sink may refuse it, for it has what only one can have,
/// or no peer: the old one goes on.
void put_anew(bench& on, harness& in, const sluice_plugin& next, std::uint32_t number) {
  const std::string which = "exchange " + std::to_string(number);
  on.doing("making " + which);
  try {
    in.swap(next, on.settings());
  } catch (const std::runtime_error& why) {
    live(on, in, 1);
    on.expect_sound(in, "after an exchange that was refused");
    if (on.is(SLUICE_SINK) && number == 1)
      on.skip("it refuses to be exchanged: " + std::string{why.what()});
    throw failed{which + " was refused: " + why.what()};
  }
}

/// Between batches, once.
void exchange(bench& on, harness& in, const watch& seen, std::uint32_t number) {
  const std::string which = "exchange " + std::to_string(number);
  pass(on, in, number);
  const std::uint64_t unknown = in.count().unknown;
  put_anew(on, in, seen.plugin(), number);
  const std::uint64_t unanswered = in.count().unknown - unknown;
  on.expect(unanswered == 0 || on.can(SLUICE_CAN_IO),
            "at " + which + ", " + amount(static_cast<std::int64_t>(unanswered), "record") +
                " sent had no outcome: a sink's drain goes on until all are reported");
  pass(on, in, number + 1);
  for (const message& each : in.events())
    on.expect(each.kind != "swap_reverted" && each.kind != "fault",
              which + " failed: " + each.text);
  on.expect(in.balanced(), "after " + which + ", the ledger does not add up");
}

/// Offers it to a new object. Nothing is allowed to happen but that it is taken or refused.
bool import(const sluice_swap& table, void* into, const bytes& state) {
  std::array<char, 512> text{};
  sluice_text error{text.data(), text.size(), 0};
  return table.import_state(into, table.writes, state.data(), state.size(), &error) == SLUICE_OK;
}

}  // namespace

void brings_its_state_back(bench& on) {
  state_table(on);
  if (on.is(SLUICE_SOURCE) || on.is(SLUICE_SERVICE)) on.skip("it is started anew, not exchanged");
  harness run = on.make();
  std::uint32_t number = 0;
  for (const std::uint32_t rounds : {0u, 5u}) {
    live(on, run, rounds);
    const std::string when = rounds == 0 ? "of a new stage" : "of a stage at work";
    on.doing("exporting the state " + when);
    const bytes before = run.state();
    const bytes again = run.state();
    on.expect(before == again, "exported twice in a row, the state " + when +
                                   " is another: " + difference(before, again));
    put_anew(on, run, on.plugin(), ++number);
    const bytes after = run.state();
    on.expect(before == after, "exported, imported and exported again, the state " + when +
                                   " is another: " + difference(before, after));
  }
  live(on, run, 5);
  on.expect_sound(run, "after its state was handed over");
}

void refuses_damaged_state(bench& on) {
  const sluice_swap& table = state_table(on);
  const std::vector<bytes> tries = damaged(state_of_one_at_work(on));
  std::vector<std::size_t> taken;
  {
    watch seen{on.plugin()};
    seen.on_create = [&](const watch::making& one) {
      for (std::size_t i = 0; i < tries.size(); ++i) {
        on.doing("importing a damaged state, number " + std::to_string(i));
        std::array<char, 512> text{};
        sluice_text error{text.data(), text.size(), 0};
        void* fresh = on.plugin().create(one.host, one.values, one.count, &error);
        if (fresh == nullptr) throw failed{"no second stage could be created"};
        if (import(table, fresh, tries[i])) taken.push_back(i);
        on.plugin().destroy(fresh);
      }
    };
    harness run = on.make(seen.plugin());
  }
  // What was taken is what it works with from now on.
  const std::size_t step = 1 + taken.size() / 40;
  for (std::size_t i = 0; i < taken.size(); i += step) {
    watch seen{on.plugin()};
    seen.on_create = [&](const watch::making& one) { import(table, one.self, tries[taken[i]]); };
    harness run = on.make(seen.plugin());
    on.doing("running on a damaged state, number " + std::to_string(taken[i]));
    live(on, run, 3);
    on.expect(run.balanced(), "on a damaged state that it took, the ledger does not add up");
  }
}

void swaps(bench& on) {
  if (on.is(SLUICE_SERVICE)) on.skip("it is started anew, not exchanged");
  watch seen{on.plugin()};
  {
    harness run = on.make(seen.plugin());
    for (std::uint32_t number = 1; number <= swaps_in_a_row; ++number)
      exchange(on, run, seen, number);
    on.expect(seen.created() - seen.destroyed() <= 2, "objects that were exchanged are left");
  }
  on.expect(seen.created() == seen.destroyed(), "objects that were exchanged are left");
}

}  // namespace sluice::testing::conformance
