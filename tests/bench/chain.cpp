// The full chain: a Kite feed over WebSocket, the program under measurement, Redis, one subscriber,
// all on this machine. Sluice beside a control program that does what any publisher must (see
// control.cpp), in the same run, so that the machine's speed cancels out.
//
//   bench_chain SLUICE CONTROL ALLOCATIONS_SO [quick]
#include "child.hpp"
#include "feed.hpp"
#include "subscriber.hpp"

#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace bench;

struct setup {
  std::string sluice, control, counter, folder;
  std::uint16_t redis = 0;
  std::string sink = {};  ///< further lines of the sink's table
};

std::uint64_t read_counter(const std::string& path) {
  std::uint64_t value = 0;
  std::ifstream{path, std::ios::binary}.read(reinterpret_cast<char*>(&value), sizeof value);
  return value;
}

std::string pipeline_file(const setup& with, std::uint16_t feed_port, bool lossless) {
  const std::string path = with.folder + "/bench.toml";
  std::ofstream out{path};
  out << "[pipeline]\nname = \"bench\"\n[level]\nmode = \"monitor\"\n"
      << "[[stage]]\nplugin = \"kite_source\"\nurl = \"ws://127.0.0.1:" << feed_port
      << "/\"\napi_key = \"bench\"\naccess_token = \"${BENCH_TOKEN}\"\nmode = \"full\"\ntokens = [";
  for (std::uint32_t i = 0; i < load{}.instruments; ++i) out << token_of(i) << ',';
  out << "]\n[[stage]]\nplugin = \"redis_sink\"\nurl = \"redis://127.0.0.1:" << with.redis << "\"\n"
      << "queue = { records = 10_000, when_full = \"" << (lossless ? "block" : "drop_oldest")
      << "\" }\n"
      << with.sink;
  return path;
}

/// One program under measurement, subscribed to the feed and warm.
class subject {
 public:
  subject(const setup& with, feed& from, bool sluice, bool lossless)
      : counter_{with.folder + "/allocations"} {
    std::filesystem::remove(counter_);
    const std::string log = with.folder + "/log";
    if (sluice)
      child_ = std::make_unique<child>(
          std::vector{with.sluice, std::string{"run"}, pipeline_file(with, from.port(), lossless)},
          child::environment{{"LD_PRELOAD", with.counter},
                             {"BENCH_ALLOCATIONS", counter_},
                             {"BENCH_TOKEN", "bench"},
                             {"SLUICE_RUN_DIR", with.folder}},
          log);
    else
      child_ = std::make_unique<child>(
          std::vector{with.control, std::to_string(from.port()), std::to_string(with.redis)},
          child::environment{}, log);
    from.wait_for_subscription();
    usleep(300'000);
    subscriber warm{with.redis, "ticker:*", 40'000};
    from.send({.ticks = 40'000, .ticks_per_s = 20'000});
    warm.wait(40'000, 500);
  }
  child& process() { return *child_; }
  std::uint64_t allocations() const { return read_counter(counter_); }

 private:
  std::string counter_;
  std::unique_ptr<child> child_;
};

struct result {
  double ticks_per_s = 0, cpu_us = 0, allocations = 0;
  double p50 = 0, p99 = 0, p999 = 0;  // ms
  std::uint32_t missing = 0, repeated = 0;
};

result measure(const setup& with, feed& from, subject& under, const load& what) {
  subscriber reader{with.redis, "ticker:*", what.ticks};
  const usage before = under.process().used();
  const std::uint64_t allocated = under.allocations();
  const std::int64_t began = now_ns();
  from.send(what);
  reader.wait(what.ticks, 1'000);
  reader.stop();
  const usage after = under.process().used();

  result made;
  const double ticks = what.ticks;
  made.ticks_per_s = reader.seen() / (static_cast<double>(reader.last_arrival() - began) / 1e9);
  made.cpu_us = (after.cpu_s - before.cpu_s) * 1e6 / ticks;
  made.allocations = static_cast<double>(under.allocations() - allocated) / ticks;
  made.missing = what.ticks - reader.seen();
  made.repeated = reader.repeated();
  std::vector<double> late;
  for (std::uint32_t i = 0; i < what.ticks; ++i)
    if (reader.arrivals()[i] != 0)
      late.push_back(static_cast<double>(reader.arrivals()[i] - from.due()[i]) / 1e6);
  std::sort(late.begin(), late.end());
  const auto at = [&](double share) {
    return late.empty()
               ? 0
               : late[static_cast<std::size_t>(share * static_cast<double>(late.size() - 1))];
  };
  made.p50 = at(0.5);
  made.p99 = at(0.99);
  made.p999 = at(0.999);
  return made;
}

void lossless(const setup& with, int pairs, std::uint32_t ticks) {
  std::printf("\nLossless, as fast as it goes (%u full ticks, 50 a frame, block queue)\n", ticks);
  std::printf("  %-8s %12s %12s %14s %8s\n", "", "ticks/s", "CPU us/tick", "allocs/tick",
              "missing");
  std::vector<double> ratios;
  for (int pair = 0; pair < pairs; ++pair) {
    result both[2];
    for (const bool sluice : {false, true}) {
      feed from;
      subject under{with, from, sluice, true};
      result& made = both[sluice] = measure(with, from, under, {.ticks = ticks});
      std::printf("  %-8s %12.0f %12.2f %14.4f %8u\n", sluice ? "sluice" : "control",
                  made.ticks_per_s, made.cpu_us, made.allocations, made.missing);
    }
    ratios.push_back(both[1].ticks_per_s / both[0].ticks_per_s);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("  sluice / control: median %.2f of %d pairs (target 0.90)\n",
              ratios[ratios.size() / 2], pairs);
}

/// What it brings to publish the ticks of a batch as one message.
void grouped(setup with, int pairs, std::uint32_t ticks) {
  std::printf("\nOne message a tick, and one a batch: group = \"channel\" (all on one channel)\n");
  std::printf("  %-8s %12s %12s %14s %8s\n", "", "ticks/s", "CPU us/tick", "allocs/tick",
              "missing");
  std::vector<double> ratios;
  for (int pair = 0; pair < pairs; ++pair) {
    double rate[2];
    for (const bool group : {false, true}) {
      with.sink = "channel = \"ticker:{type}\"\n";
      if (group) with.sink += "group = \"channel\"\n";
      feed from;
      subject under{with, from, true, true};
      const result made = measure(with, from, under, {.ticks = ticks});
      rate[group] = made.ticks_per_s;
      std::printf("  %-8s %12.0f %12.2f %14.4f %8u\n", group ? "group" : "plain", made.ticks_per_s,
                  made.cpu_us, made.allocations, made.missing);
    }
    ratios.push_back(rate[1] / rate[0]);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("  group / plain: median %.2f of %d pairs\n", ratios[ratios.size() / 2], pairs);
}

void latency(const setup& with, double rate, std::uint32_t per_frame, double seconds) {
  for (const bool sluice : {false, true}) {
    feed from;
    subject under{with, from, sluice, false};
    load what{.per_frame = per_frame, .ticks_per_s = rate};
    what.ticks = static_cast<std::uint32_t>(rate * seconds) / per_frame * per_frame;
    const result made = measure(with, from, under, what);
    std::printf("  %8.0f %6u %-8s %8.2f %8.2f %8.2f %10.2f %12.4f %8u %8u\n", rate, per_frame,
                sluice ? "sluice" : "control", made.p50, made.p99, made.p999, made.cpu_us,
                made.allocations, made.missing, made.repeated);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int count, char** words) try {
  if (count < 4)
    throw std::invalid_argument{"usage: bench_chain SLUICE CONTROL COUNTER_SO [quick]"};
  const bool quick = count > 4;
  char folder[] = "/tmp/sluice-bench-XXXXXX";
  if (mkdtemp(folder) == nullptr) throw std::runtime_error{"no temporary folder"};
  setup with{words[1], words[2], words[3], folder, free_port()};
  child redis{{"redis-server", "--port", std::to_string(with.redis), "--bind", "127.0.0.1",
               "--save", "", "--appendonly", "no", "--dir", with.folder},
              {},
              with.folder + "/redis.log"};
  wait_for_port(with.redis);

  lossless(with, quick ? 1 : 5, quick ? 200'000 : 1'500'000);
  grouped(with, quick ? 1 : 3, quick ? 200'000 : 1'500'000);
  std::printf("\nDue at the feed to seen by a subscriber, ms\n");
  std::printf("  %8s %6s %-8s %8s %8s %8s %10s %12s %8s %8s\n", "ticks/s", "frame", "", "p50",
              "p99", "p99.9", "CPU us", "allocs/tick", "missing", "repeated");
  const double seconds = quick ? 2 : 8;
  for (const double rate : {1'000.0, 5'000.0, 20'000.0, 36'000.0, 100'000.0})
    latency(with, rate, 50, seconds);
  latency(with, 36'000, 3'000, seconds);
  redis.end();
  std::filesystem::remove_all(with.folder);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_chain: %s\n", error.what());
  return 1;
}
