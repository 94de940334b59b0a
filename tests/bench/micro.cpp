// What the parts of a tick's way cost: decode, JSON, a hop through stages, a queue.
#include "feed.hpp"
#include "runtime/engine.hpp"
#include "runtime/record_queue.hpp"

#include <kite/json.hpp>
#include <kite/packet.hpp>
#include <sluice/stage.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

namespace kite = sluice::kite;
namespace runtime = sluice::runtime;

/// Keeps a value from being optimised away.
template <typename Value>
void keep(const Value& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

/// Nanoseconds a call, the least of seven rounds.
template <typename Call>
double time_of(std::uint32_t calls, Call&& call) {
  double least = 1e18;
  for (int round = 0; round < 7; ++round) {
    const std::int64_t began = bench::now_ns();
    for (std::uint32_t i = 0; i < calls; ++i) call(i);
    least = std::min(least, static_cast<double>(bench::now_ns() - began) / calls);
  }
  return least;
}

void report(const char* what, double ns, double base, const char* target) {
  std::printf("  %-34s %8.1f ns  %6.2f of memcpy   %s\n", what, ns, ns / base, target);
}

class no_settings final : public sluice::config::values {
 public:
  const sluice_value* data() const override { return nullptr; }
  std::uint32_t size() const override { return 0; }
  const sluice::config::secret_reader* secret(std::uint64_t) const override { return nullptr; }
};

struct nothing {};

/// Pushes `pushes` batches of 64 a timer.
struct pusher {
  using config = nothing;
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"pusher", "1.0.0", "Pushes.", SLUICE_SOURCE};
  static constexpr std::uint32_t pushes = 16;
  pusher(const config&, sluice::host given) : host{given}, schema{given.schema("bench/1")} {}
  void start() { host.wake_at(host.now()); }
  void on_timer(sluice::time_point now) {
    for (std::uint32_t i = 0; i < pushes; ++i) {
      for (sluice::record& each : batch) {
        each = {};
        each.key = key++ % 1000;
        each.schema = schema;
        each.priority = SLUICE_PRIORITY_NORMAL;
        each.received_ns = now.time_since_epoch().count();
        each.data = bytes.data();
        each.size = 184;
        each.weight = 1;
      }
      host.push(batch);
    }
    host.wake_at(now);
  }
  sluice::host host;
  std::uint16_t schema;
  std::uint64_t key = 0;
  std::array<std::uint8_t, 184> bytes{};
  std::array<sluice::record, 64> batch{};
};

struct passer {
  using config = nothing;
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"passer", "1.0.0", "Keeps everything."};
  passer(const config&, sluice::host) {}
  void process(sluice::batch&) {}
};

struct dropper {
  using config = nothing;
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"dropper", "1.0.0", "Drops everything."};
  dropper(const config&, sluice::host) {}
  void process(sluice::batch& batch) {
    for (const sluice::record& each : batch) batch.drop(each, sluice::reason::shed);
  }
};

struct swallower {
  using config = nothing;
  static constexpr auto fields = sluice::fields();
  static constexpr sluice::description about{"swallower", "1.0.0", "A sink.", SLUICE_SINK};
  swallower(const config&, sluice::host) {}
  void process(sluice::batch&) {}
};

template <typename Stage>
void add(sluice::config::pipeline_spec& to) {
  sluice::config::stage_spec made;
  made.name = std::string{Stage::about.name} + std::to_string(to.stages.size());
  made.plugin = &sluice::plugin_of<Stage>;
  made.settings = std::make_shared<no_settings>();
  if (!to.stages.empty())
    made.inputs.push_back({static_cast<std::uint32_t>(to.stages.size() - 1), {}});
  if (Stage::about.kind == SLUICE_SINK) made.queue = sluice::config::queue_spec{};
  to.stages.push_back(std::move(made));
}

/// Nanoseconds a record from push to a drop behind `passers` stages that keep everything.
double chain_cost(int passers) {
  sluice::config::pipeline_spec spec;
  add<pusher>(spec);
  for (int i = 0; i < passers; ++i) add<passer>(spec);
  add<dropper>(spec);
  add<swallower>(spec);
  const runtime::system_clock clock;
  runtime::engine engine{std::move(spec), clock, [](auto...) {}, false};
  engine.create_stages([](runtime::stage& each) { each.create(); });
  for (const auto& each : engine.lanes()) each->step();
  const double step = time_of(2'000, [&](std::uint32_t) { engine.lanes().front()->step(); });
  return step / (pusher::pushes * 64);
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

}  // namespace

int main() {
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
  const double shed = chain_cost(0), five = chain_cost(5);
  report("a tick pushed and shed", shed, base, "(target < 100 ns)");
  report("five no-op stages more", five - shed, base, "(target < 10 ns, batches of 64)");
  report("into a queue and out", queue_cost(wire), base, "");
}
