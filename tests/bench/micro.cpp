// What the parts of a tick's way cost: decode, JSON, a hop through stages, the stages that act on
// pressure, a queue.
#include "pipelines.hpp"
#include "runtime/store/record_batch.hpp"
#include "runtime/store/record_queue.hpp"
#include "runtime/tap/tap_point.hpp"
#include "stages.hpp"
#include "timing.hpp"

#include <kite/json.hpp>
#include <kite/packet.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

namespace {

namespace kite = sluice::kite;
namespace runtime = sluice::runtime;
using bench::keep;
using bench::time_of;

void report(const char* what, double ns, double base, const char* target) {
  std::printf("  %-36s %8.1f ns  %6.2f of memcpy   %s\n", what, ns, ns / base, target);
}

double queue_cost(const std::vector<std::uint8_t>& wire) {
  runtime::record_queue queue{{}, 16'384, false};
  std::array<sluice_record, 64> batch{};
  for (sluice_record& each : batch) {
    each.data = wire.data();
    each.size = 184;
    each.priority = SLUICE_PRIORITY_NORMAL;
  }
  const auto out = std::make_unique<runtime::record_batch>();
  const double both = time_of(20'000, [&](std::uint32_t i) {
    queue.push(batch, i, nullptr);
    keep(queue.pop(*out, 64, i));
  });
  return both / 64;
}

/// What the three stages that act on pressure cost a record together: two in the source's lane, the
/// breaker in the sink's.
void report_mitigation(double base) {
  const bench::stage_names inline_stages{"adaptive_sampler", "load_shedder"};
  // Ten times what the sink takes, on average: the sampler stands on its floor, the shedder sheds.
  const sluice_pressure overload{sizeof overload, SLUICE_OVERLOAD, 1e7, 1e6, 500, 0};
  const double breaker =
      bench::median_of([] { return bench::sink_cost({"circuit_breaker"}) - bench::sink_cost({}); });
  const auto show = [&](const char* what, const sluice_pressure& seen) {
    const double inline_cost = bench::median_of(
        [&] { return bench::lane_cost(inline_stages, seen) - bench::lane_cost({}, seen); });
    report(what, inline_cost + breaker, base, "(target < 20 ns)");
  };
  show("sampler, shedder, breaker: HEALTHY", bench::no_pressure);
  show("sampler, shedder, breaker: OVERLOAD", overload);
}

/// What a stage pays for its tap: a look for each batch while nobody watches, and what a watcher
/// who takes one of a thousand costs it; beside what it pays for a stage that does nothing.
void report_tap(const std::vector<std::uint8_t>& wire, double no_op_stage) {
  const auto point = std::make_unique<runtime::tap_point>();
  keep(point.get());  // others may open it
  std::array<sluice_record, bench::batch_size> batch{};
  for (sluice_record& each : batch) {
    each.data = wire.data();
    each.size = static_cast<std::uint32_t>(wire.size());
  }
  constexpr std::uint32_t calls = 200'000;
  const double nothing = time_of(calls, [](std::uint32_t i) { keep(i); });
  const auto show = [&](const char* what, const char* target) {
    const double looked = time_of(calls, [&](std::uint32_t i) {
      keep(i);
      if (point->watched()) [[unlikely]]
        point->offer(batch.data(), bench::batch_size);
    });
    const double cost = std::max(0.0, looked - nothing) / bench::batch_size;
    std::printf("  %-36s %8.3f ns  %6.3f of a no-op stage %s\n", what, cost, cost / no_op_stage,
                target);
  };
  show("a stage's tap, while nobody watches", "(target < 0.05)");
  point->open(&batch, {.every = 1'000});
  show("a stage's tap, one of 1,000 taken", "");
}

void report_all() {
  std::vector<std::uint8_t> wire(184);
  bench::encode_tick(1, 1000, wire.data());
  std::vector<char> json(kite::tick_json_max);
  std::vector<std::uint8_t> copy(1024);
  const double base = time_of(2'000'000, [&](std::uint32_t i) {
    wire[16] = static_cast<std::uint8_t>(i);
    std::memcpy(copy.data() + (i & 511), wire.data(), 184);
    keep(copy[i & 1023]);
  });
  std::printf("Parts of a tick's way (a memcpy of 184 bytes here: %.1f ns)\n", base);
  report("decode a full tick", time_of(2'000'000, [&](std::uint32_t) { keep(kite::decode(wire)); }),
         base, "");
  const kite::packet full = *kite::decode(wire);
  for (const auto kind :
       {kite::packet_kind::ltp, kite::packet_kind::index_quote, kite::packet_kind::index_full,
        kite::packet_kind::quote, kite::packet_kind::full}) {
    kite::packet as = full;
    as.kind = kind;
    if (kind == kite::packet_kind::index_quote || kind == kite::packet_kind::index_full)
      as.token = 256'265;
    std::vector<std::uint8_t> bytes(kite::size_of(kind));
    kite::encode(as, bytes);
    static constexpr const char* names[] = {"ltp", "index quote", "index full", "quote", "full"};
    const std::string what = std::string{"JSON of a tick: "} + names[static_cast<int>(kind)];
    report(what.c_str(),
           time_of(1'000'000,
                   [&](std::uint32_t) { keep(kite::write_tick(bytes, json.data(), json.size())); }),
           base,
           kind == kite::packet_kind::full    ? "(target < 250 ns)"
           : kind == kite::packet_kind::quote ? "(target < 80 ns)"
                                              : "");
  }
  const double shed = bench::lane_cost({}),
               five = bench::lane_cost(bench::stage_names(5, "passer"));
  report("a tick pushed and shed", shed, base, "(target < 100 ns)");
  report("five no-op stages more", five - shed, base, "(target < 10 ns, batches of 64)");
  report_tap(wire, (five - shed) / 5);
  report_mitigation(base);
  report("into a queue and out", queue_cost(wire), base, "");
}

}  // namespace

int main() {
  try {
    report_all();
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "bench_micro: %s\n", exception.what());
    return 1;
  }
}
