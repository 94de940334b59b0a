#include "conformance/cases.hpp"
#include "conformance/traffic.hpp"
#include "conformance/watch.hpp"

#include "config/load.hpp"

#include <sluice/ext/swap.h>
#include <sluice/record.hpp>

#include <algorithm>
#include <array>

namespace sluice::testing::conformance {

namespace {

/// For stages with sockets, whose peer may not be there: it is given up then.
constexpr duration drain_limit = std::chrono::milliseconds{500};

/// What a stage may need to be created and to start.
std::string hint(bench& on) {
  std::string settings = on.settings();
  if (settings.empty()) return "";
  settings.pop_back();
  return "\nIf it needs other settings than these, give them with --set or --config:\n" + settings;
}

harness created(bench& on) {
  try {
    return on.make();
  } catch (const std::exception& why) {
    throw failed{why.what() + hint(on)};
  }
}

}  // namespace

void creates_and_starts(bench& on) {
  harness run = created(on);
  for (const message& each : run.events()) {
    if (each.kind == "stop") throw failed{"it " + each.text + hint(on)};
    on.expect(each.kind != "fault",
              "as it was created and started, a call broke the contract: " + each.text);
  }
  on.doing("destroying it");
}

void ends_at_any_time(bench& on) {
  watch seen{on.plugin()};
  seen.on_create = [&](const watch::making& one) {
    // A pipeline that fails to start destroys what it created.
    on.doing("destroying a stage that was never started");
    std::array<char, 512> text{};
    sluice_text error{text.data(), text.size(), 0};
    if (void* another = on.plugin().create(one.host, one.values, one.count, &error))
      on.plugin().destroy(another);
  };
  {
    harness run = on.make(seen.plugin());
    on.doing("draining a stage that has seen nothing");
    run.drain(drain_limit);
    on.expect_sound(run, "after a drain without input");
  }
  {
    harness run = on.make(seen.plugin());
    live(on, run, 3);
    on.doing("destroying a stage in the middle of its work");
  }
  on.expect(seen.created() == seen.destroyed(), "an object was not destroyed");
  harness run = on.make();
  live(on, run, 3);
  on.doing("draining a stage whose time is over");
  run.drain(duration{0});
  on.expect(run.balanced(), "after a drain without time, the ledger does not add up");
}

void stands_beside_itself(bench& on) {
  harness first = on.make();
  live(on, first, 2, 1);
  {
    on.doing("creating a second stage beside the first");
    harness second = on.make();
    live(on, second, 2, 2);
    live(on, first, 1, 3);
    // What is for one alone, a port or a file, it may refuse to share.
    on.expect_sound_if_started(second, "beside another stage of the same plugin");
    on.doing("destroying the second stage");
  }
  live(on, first, 2, 4);
  on.expect_sound(first, "after another stage of the same plugin was destroyed");
}

void answers_for_extensions(bench& on) {
  if (on.plugin().extension == nullptr) on.skip("it has no extensions");
  for (const char* id : {"", "sluice", "sluice.no_such_thing/1", "\xff\xfe"})
    on.expect(on.extension<void>(id) == nullptr,
              "it answers for the extension '" + std::string{id} +
                  "': a plugin extension is null if unknown (abi.h: sluice_plugin.extension)");
  on.expect(on.plugin().extension(sluice_str{}) == nullptr,
            "it answers for an extension without id");
  const auto* swap = on.extension<sluice_swap>(SLUICE_EXT_SWAP);
  if (swap == nullptr) return;
  const std::string writes{view(swap->writes)};
  if (writes.empty()) return;
  on.expect(swap->export_state != nullptr && swap->import_state != nullptr,
            "it writes the state " + writes + ", but its export_state or import_state is null");
  on.expect(std::any_of(swap->reads, swap->reads + swap->reads_count,
                        [&](sluice_str each) { return view(each) == writes; }),
            "it writes the state " + writes +
                ", but does not read it (ext/swap.h: reads: its own, "
                "and the one before)");
}

void wakes(bench& on) {
  if (!on.can(SLUICE_CAN_IO)) on.skip("it has no event loop");
  constexpr std::int64_t asked_ns = 1'000'000'000, most_ns = asked_ns / 2;
  watch seen{on.plugin()};
  std::int64_t longest = 0;
  std::uint32_t polls = 0;
  seen.on_create = [&](const watch::making& one) {
    on.doing("waking a stage that has not started");
    on.plugin().wake(one.self);
  };
  seen.on_poll = [&](void* self, std::int64_t wait_ns) {
    if (++polls > 10 || longest > most_ns) return wait_ns;
    on.doing("polling a stage that was woken");
    on.plugin().wake(self);
    return asked_ns;
  };
  seen.after_poll = [&](std::int64_t ns) { longest = std::max(longest, ns); };
  harness run = on.make(seen.plugin());
  live(on, run, 2);
  on.expect(polls > 0, "it was not polled");
  on.expect(longest < most_ns,
            "a poll of 1 s went on after wake: wake makes a poll that waits, or the next one, "
            "return at once (abi.h: sluice_plugin.wake)");
  on.expect_sound(run, "when it was woken often");
}

void drains(bench& on) {
  harness run = on.make();
  live(on, run, 9);
  on.doing("draining it");
  const bool done = run.drain(on.can(SLUICE_CAN_IO) ? drain_limit : std::chrono::seconds{10});
  on.expect_sound(run, "after the drain");
  // Without its peer a stage with sockets may have nowhere to send what it has.
  if (on.can(SLUICE_CAN_IO)) return;
  const counts at_end = run.count();
  on.expect(done,
            "it was not done within 10 s: drain emits or drops what is held, finishes what "
            "is in flight, and answers SLUICE_AGAIN only until then (abi.h)");
  on.expect(at_end.held == 0 && at_end.dropped[SLUICE_DROP_SHUTDOWN] == 0,
            amount(static_cast<std::int64_t>(at_end.held + at_end.dropped[SLUICE_DROP_SHUTDOWN]),
                   "record") +
                " were still held after drain, which emits or drops what is held (abi.h)");
  on.expect(at_end.unknown == 0, amount(static_cast<std::int64_t>(at_end.unknown), "record") +
                                     " were never reported: drain finishes what is in flight "
                                     "(abi.h)");
}

}  // namespace sluice::testing::conformance
