#include "random_scenario.hpp"

#include "scenario/random.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>
#include <vector>

namespace sluice::sim {

namespace {

constexpr std::uint64_t calm_ms = 28'000, judged_ms = 30'000, lasts_ms = 60'000;

class maker {
 public:
  maker(std::uint64_t seed, std::string directory)
      : random_{seed},
        directory_{std::move(directory)},
        capacity_{between(10'000, 100'000)},
        when_full_{one_of({"drop_oldest", "drop_newest", "conflate", "block"})} {
    made_.window = between(2, 8);
    // A window in flight is answered within 5 ms: a sink that is well is HEALTHY.
    const std::uint32_t most = std::min(200u, capacity_ / 200 / made_.window);
    made_.batch = between(std::max(1u, most / 2), most);
    // A frame leaves the queue within 30 ms: no 100 ms end without a moment of rest.
    frame_ = one_in(2) ? between(1, 50) : between(50, std::min(1000u, capacity_ / 33));
  }

  random_scenario make() {
    made_.text =
        fmt::format("doc = \"Random settings, load and faults.\"\nduration = \"{}ms\"\n", lasts_ms);
    add_stages();
    add_feed();
    made_.text += fmt::format("\n[[sink]]\ncapacity = {}\nlatency = \"{}us\"\n", capacity_,
                              between(50, 1000));
    for (std::uint32_t left = between(1, 4); left > 0; --left) add_fault();
    if (spools()) add_swaps();
    add_expectations();
    return std::move(made_);
  }

 private:
  std::uint32_t between(std::uint64_t least, std::uint64_t most) {
    return static_cast<std::uint32_t>(least + random_.below(most - least + 1));
  }
  bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
  const char* one_of(std::initializer_list<const char*> all) {
    return all.begin()[random_.below(all.size())];
  }

  void add_stages() {
    made_.text +=
        fmt::format(R"(
[level]
hold_max = "4s"

[[stage]]
plugin = "kite_source"
api_key = "key"
access_token = "token"
instruments = "none.csv"

[[stage]]
plugin = "adaptive_sampler"
mode = "{}"
method = "{}"
fair = {}

[[stage]]
plugin = "load_shedder"
pending = {}
burst = "{}ms"
)",
                    one_of({"adaptive", "fixed"}), one_of({"per_key", "random", "systematic"}),
                    one_in(2), between(200, 2000), between(50, 200));
    if (spools()) add_spool();
    add_breaker();
    // Room for two frames and a half in any queue.
    made_.text += fmt::format(
        R"(
[[stage]]
name = "redis"
plugin = "redis_sink"
batch = {}
window = {}
interval = "{}ms"
timeout = "{}ms"
queue = {{ records = {}, bytes = "16MiB", when_full = "{}"{} }}
)",
        made_.batch, made_.window, between(5, 100), between(300, 1000),
        between(frame_ * 5 / 2 + 100, spools() ? frame_ * 5 / 2 + 1000 : 10'000), when_full_,
        spools() || one_in(3) ? "" : fmt::format(", max_delay = \"{}ms\"", between(20, 100)));
  }

  /// A conflating queue keeps one of what comes at once of an instrument, hard times or not.
  void add_expectations() {
    made_.text += fmt::format(R"(
[[expect]]
from = "{}ms"
healthy_within = "{}ms"

[[expect]]
from = "{}ms"
losses = [{}]
)",
                              last_ms_, judged_ms, last_ms_ + judged_ms,
                              when_full_ == "conflate" ? "\"conflated\"" : "");
  }

  bool spools() const { return !directory_.empty(); }

  /// Of much room or little. No frame alone makes it spill, and what it keeps it has sent long
  /// before it is judged, leaving the sink most of its time meanwhile.
  void add_spool() {
    replay_rate_ = between(2'500, capacity_ / 4);
    made_.text += fmt::format(R"(
[[stage]]
plugin = "spool"
directory = "{}"
size = "{}KiB"
segment_size = "64KiB"
spill_at = {:.2f}
replay_rate = {}
queue = {{ records = 10_000 }}
)",
                              directory_, one_in(3) ? between(128, 512) : 65'536,
                              0.5 + random_.uniform() * 0.3, replay_rate_);
  }

  void add_swaps() {
    std::vector<std::uint32_t> times(between(0, 3));
    for (std::uint32_t& each : times) each = between(1000, calm_ms);
    std::sort(times.begin(), times.end());
    for (const std::uint32_t at : times)
      made_.text += fmt::format("\n[[swap]]\nat = \"{}ms\"\nstage = \"spool\"\n", at);
  }

  void add_breaker() {
    const bool active = one_in(2);
    made_.text += fmt::format(R"(
[[stage]]
plugin = "circuit_breaker"
on_open = "{}"
probe = "{}"
recovery_timeout = "{}ms"
failure_threshold = {}
success_threshold = {}
)",
                              spools() ? "spill" : one_of({"drop", "keep_latest"}),
                              active ? "active" : "passive", active ? 30'000 : between(200, 3000),
                              between(1, 6), between(1, 3));
  }

  void add_feed() {
    made_.text += fmt::format(R"(
[[feed]]
load = [{{ rate = 1_000 }}]
frame = {}
even = {}
noise = {:.2f}
zipf = {:.2f}
group = [{}]
)",
                              frame_, frame_ > 50 || one_in(2), random_.uniform() * 0.3,
                              random_.uniform() * 1.5, groups());
    for (std::uint32_t left = between(0, most_bursts); left > 0; --left) {
      const auto [at, lasts] = some_time(0, 3000);
      made_.text +=
          fmt::format("\n[[feed.burst]]\nat = \"{}ms\"\nfor = \"{}ms\"\nsockets = {}\nticks = {}\n",
                      at, lasts, between(1, most_sockets), between(200, burst_ticks()));
    }
  }

  /// Of a frame of a burst, at most. What all bursts and the feed of all faults may leave in a
  /// spool is replayed in 25 of the 30 s before it is judged.
  std::uint32_t burst_ticks() const {
    constexpr std::uint32_t frames = most_bursts * most_sockets * 13;  // four a second for 3 s
    constexpr std::uint32_t spooled_by_faults = 32'000;                // four of 8 s at 1,000/s
    if (!spools()) return 3000;
    return std::min(3000u, (25 * replay_rate_ - spooled_by_faults) / frames);
  }

  /// What a spool sends again is told from what is live by its priority, the lowest.
  std::string groups() {
    const std::string normal = fmt::format("{{ instruments = {} }}", between(50, 1000));
    if (spools()) return normal;
    return fmt::format(
        "{{ instruments = {}, priority = 0 }}, {}, {{ instruments = {}, priority = 2 }}",
        between(1, 10), normal, between(1, 100));
  }

  struct span {
    std::uint32_t at, lasts;
  };
  span some_time(std::uint32_t least, std::uint32_t most) {
    const std::uint32_t lasts = between(least, most), at = between(1000, calm_ms - lasts);
    last_ms_ = std::max(last_ms_, at + lasts);
    return {at, lasts};
  }

  void add_fault() {
    const std::string kind = one_of({"slow", "stop", "errors", "jitter", "cut", "silence"});
    const auto [at, lasts] = some_time(100, 8000);
    made_.text +=
        fmt::format("\n[[fault]]\nkind = \"{}\"\nat = \"{}ms\"\nfor = \"{}ms\"\n", kind, at, lasts);
    if (kind == "slow") made_.text += fmt::format("factor = {}\n", between(2, capacity_ / 200));
    if (kind == "errors") made_.text += fmt::format("share = {:.2f}\n", random_.uniform());
    if (kind == "jitter") made_.text += fmt::format("amount = \"{}ms\"\n", between(5, 500));
  }

  static constexpr std::uint32_t most_bursts = 3, most_sockets = 3;

  scenario::generator random_;
  const std::string directory_;   // of the spool
  const std::uint32_t capacity_;  // records/s
  std::uint32_t frame_ = 0, last_ms_ = 0, replay_rate_ = 0;
  const std::string when_full_;
  random_scenario made_;
};

}  // namespace

random_scenario make_scenario(std::uint64_t seed, const std::string& directory) {
  return maker{seed, directory}.make();
}

}  // namespace sluice::sim
