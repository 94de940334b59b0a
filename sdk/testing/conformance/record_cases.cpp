#include "conformance/cases.hpp"
#include "conformance/traffic.hpp"
#include "conformance/watch.hpp"

#include <algorithm>
#include <array>

namespace sluice::testing::conformance {

namespace {

constexpr std::array levels{SLUICE_HEALTHY,  SLUICE_WARNING,  SLUICE_CRITICAL,
                            SLUICE_OVERLOAD, SLUICE_CRITICAL, SLUICE_WARNING,
                            SLUICE_HEALTHY,  SLUICE_OVERLOAD, SLUICE_HEALTHY};
constexpr std::array level_names{"HEALTHY", "WARNING", "CRITICAL", "OVERLOAD"};

/// Host calls that fail, one after the other; what a stage does in `live` makes fewer.
constexpr std::uint32_t failing_calls = 100;
constexpr std::uint32_t failing_calls_real_time = 10;

/// What a policy may not do to priority 0.
constexpr std::array policies{SLUICE_DROP_SAMPLED, SLUICE_DROP_SHED, SLUICE_DROP_CONFLATED,
                              SLUICE_DROP_EXPIRED, SLUICE_DROP_OVERFLOW};

}  // namespace

void only_answers(bench& on) {
  watch seen{on.plugin()};
  harness run = on.make(seen.plugin());
  live(on, run, 20);
  on.expect(seen.broken().empty(),
            seen.broken() +
                ": of a batch's records only weight and priority may be changed "
                "(abi.h: sluice_batch.records)");
  on.expect_sound(run, "in plain traffic");
}

void adds_up(bench& on) {
  harness run = on.make();
  for (std::uint32_t i = 0; i < 30; ++i) {
    live(on, run, 1, i);
    on.expect(run.balanced(),
              "the ledger does not add up: created + in must be out + published + absorbed + "
              "dropped + failed + unknown + held");
  }
  const counts now = run.count();
  on.expect(
      now.dropped[SLUICE_DROP_FAULT] == 0,
      amount(static_cast<std::int64_t>(now.dropped[SLUICE_DROP_FAULT]), "record") +
          " were dropped as `fault`: a call failed, or it gave a reason that is not a policy's");
  if (!takes_input(on)) return;
  const std::uint64_t answered =
      now.out + now.published + now.absorbed + now.failed + now.unknown + now.held;
  std::uint64_t dropped = 0;
  for (const std::uint64_t each : now.dropped) dropped += each;
  on.expect(now.in + now.created == answered + dropped, "records are missing from its counts");
}

void takes_any_batch(bench& on) {
  if (!takes_input(on)) on.skip("it takes no records");
  watch seen{on.plugin()};
  harness run = on.make(seen.plugin());
  run.push(std::vector<input>{});
  for (const std::uint32_t count : {1u, 2u, 255u, 256u, 257u, 5'000u}) {
    on.doing("handing over " + amount(count, "record"));
    run.push(mixed(count, count));
    on.let_pass(run, std::chrono::milliseconds{20});
    run.outputs();
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65'536}}) {
    for (const char fill : {'\0', '\x7f', '\xff'}) {
      on.doing("handing over payloads of " + amount(static_cast<std::int64_t>(size), "byte"));
      run.push(std::vector<input>(20, {.key = 99, .text = std::string(size, fill)}));
      on.let_pass(run, std::chrono::milliseconds{20});
      run.outputs();
    }
  }
  on.doing("handing over a record of each of many keys");
  std::vector<input> many;
  for (std::uint64_t key = 0; key < 20'000; ++key) many.push_back({.key = key << 40, .text = "x"});
  run.push(many);
  on.let_pass(run, std::chrono::seconds{2});
  on.expect_sound(run, "after batches of every size");
  on.expect(seen.broken().empty(), seen.broken());
}

void keeps_priority_high(bench& on) {
  if (!on.is(SLUICE_TRANSFORM)) on.skip("only a transform drops by policy");
  harness run = on.make();
  std::vector<input> high = mixed(200);
  for (input& each : high) each.priority = priority::high;
  for (const auto level : levels) {
    run.pressure(pressure_of(level));
    run.push(high);
    on.let_pass(run, std::chrono::milliseconds{100});
    run.outputs();
    std::uint64_t dropped = 0;
    const counts now = run.count();
    for (const auto policy : policies) dropped += now.dropped[policy];
    on.expect(dropped == 0,
              "at level " + std::string{level_names[level]} + ", " +
                  amount(static_cast<std::int64_t>(dropped), "record") +
                  " of priority 0 were dropped by policy: priority 0 is never dropped "
                  "by policy (abi.h: SLUICE_PRIORITY_HIGH)");
  }
}

void bears_every_level(bench& on) {
  harness run = on.make();
  for (const auto level : levels) {
    on.doing("running it at level " + std::string{level_names[level]});
    run.pressure(pressure_of(level));
    live(on, run, on.can(SLUICE_CAN_IO) ? 1 : 10, level);
    on.expect_sound(run, "at level " + std::string{level_names[level]});
  }
}

void bears_failing_calls(bench& on) {
  const std::uint32_t calls = on.can(SLUICE_CAN_IO) ? failing_calls_real_time : failing_calls;
  for (std::uint32_t nth = 1; nth <= calls; ++nth) {
    const std::string when = "after host call " + std::to_string(nth) + " answered SLUICE_FAILED";
    harness run = on.make();
    live(on, run, 1);
    on.doing("failing its host call " + std::to_string(nth) + " (SLUICE_FAILED)");
    run.fail_host_call(nth);
    live(on, run, 3, nth);
    run.fail_host_call(0);
    live(on, run, 5, nth + 1);
    run.drain(std::chrono::milliseconds{200});
    on.expect(run.balanced(), when + ", the ledger does not add up");
    std::string later;  // the call in which it failed may fail
    for (const message& each : run.events())
      if (each.kind == "fault") later = each.text;
    on.expect(run.faults() <= 1, when + ", other calls fail as well: " + later);
  }
}

}  // namespace sluice::testing::conformance
