#include "adaptive_sampler.hpp"
#include "random_test.hpp"

#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>

using namespace std::chrono_literals;
using sluice::testing::harness;
using sluice::testing::input;
using sluice::testing::output;

namespace {

constexpr auto& plugin = sluice::plugin_of<sluice::adaptive_sampler::adaptive_sampler>;

struct level_row {
  std::uint32_t level;
  const char* name;
  double keep;
};
constexpr level_row requirement[] = {{SLUICE_HEALTHY, "HEALTHY", 1},
                                     {SLUICE_WARNING, "WARNING", 0.8},
                                     {SLUICE_CRITICAL, "CRITICAL", 0.5},
                                     {SLUICE_OVERLOAD, "OVERLOAD", 0.2}};
constexpr const char* methods[] = {"per_key", "random", "systematic"};

sluice_pressure at(std::uint32_t level, double offered = 0, double capacity = 0) {
  return {sizeof(sluice_pressure), level, offered, capacity, 0, 0};
}

/// `rounds` records of each of `keys` instruments, turn by turn, as one moment's.
std::vector<input> records(std::uint64_t keys, int rounds,
                           sluice::priority priority = sluice::priority::normal) {
  std::vector<input> made;
  for (int i = 0; i < rounds; ++i)
    for (std::uint64_t key = 1; key <= keys; ++key)
      made.push_back({.key = key, .priority = priority});
  return made;
}

std::string settings(const char* method, const char* more = "") {
  return std::string{"method = \""} + method + "\"\n" + more;
}

/// What is judged over hundreds of runs of the same code: a sanitizer would see no more in them.
const doctest::skip only_statistics{sluice::sanitized};

double weights(const std::vector<output>& of) {
  double sum = 0;
  for (const output& each : of) sum += each.weight;
  return sum;
}

std::map<std::uint64_t, double> kept_by_key(const std::vector<output>& of) {
  std::map<std::uint64_t, double> kept;
  for (const output& each : of) kept[each.key] += 1;
  return kept;
}

/// Slots of 100 ms, each a push of the same records; what came out.
std::vector<output> feed(harness& run, const std::vector<input>& slot, int slots) {
  std::vector<output> all;
  for (int i = 0; i < slots; ++i) {
    run.advance(100ms);
    run.push(slot);
    for (output& each : run.outputs()) all.push_back(std::move(each));
  }
  return all;
}

/// Most records of one instrument missing in a row, by their seq.
std::uint64_t longest_gap(const std::vector<output>& of) {
  std::map<std::uint64_t, std::uint64_t> last;
  std::uint64_t longest = 0;
  for (const output& each : of) {
    longest = std::max(longest, each.seq - last[each.key] - 1);
    last[each.key] = each.seq;
  }
  return longest;
}

}  // namespace

/// Fixed mode, with each method.
void check_share(const level_row& row) {
  for (const char* method : methods) {
    INFO(std::string{method});
    harness run{plugin, settings(method, "mode = 'fixed'")};
    run.pressure(at(row.level));
    run.push(records(50, 100));
    const auto out = run.outputs();
    const double kept = static_cast<double>(out.size());
    // Random phases leave per_key one record an instrument; random errs as a binomial does.
    const double error = *method == 'r'   ? 3 * std::sqrt((1 - row.keep) * row.keep * 5000)
                         : *method == 'p' ? 50
                                          : 1;
    CHECK(std::abs(kept - row.keep * 5000) <= error);
    for (const output& each : out) CHECK(each.weight == doctest::Approx(1 / row.keep));
    CHECK(run.count().dropped[SLUICE_DROP_SAMPLED] == 5000 - out.size());
    CHECK(run.metric("keep_ratio") == doctest::Approx(row.keep));
    CHECK(run.balanced());
  }
}

TEST_CASE("2.C HEALTHY: 100 % is kept") { check_share(requirement[0]); }
TEST_CASE("2.C WARNING: 80 % is kept, within sampling error") { check_share(requirement[1]); }
TEST_CASE("2.C CRITICAL: 50 % is kept, within sampling error") { check_share(requirement[2]); }
TEST_CASE("2.C OVERLOAD: 20 % is kept, within sampling error") { check_share(requirement[3]); }

TEST_CASE(
    "2.C: per_key drops at most ceil(1/p) - 1 of an instrument in a row, p being the level's") {
  for (const level_row& row : requirement) {
    INFO(std::string{row.name});
    harness run{plugin, "mode = 'fixed'"};
    run.pressure(at(row.level));
    run.push(records(50, 200));
    CHECK(longest_gap(run.outputs()) == static_cast<std::uint64_t>(std::ceil(1 / row.keep)) - 1);
  }
}

TEST_CASE("per_key keeps that bound while the ratio moves, by the smallest of the run") {
  harness run{plugin, "fair = false"};
  std::vector<output> out;
  for (const auto& [level, capacity] : {std::pair{SLUICE_WARNING, 90.},
                                        {SLUICE_OVERLOAD, 30.},
                                        {SLUICE_CRITICAL, 60.},
                                        {SLUICE_HEALTHY, 0.}}) {
    run.pressure(at(static_cast<std::uint32_t>(level), 100, capacity));
    for (output& each : feed(run, records(20, 7), 15)) out.push_back(std::move(each));
  }
  const auto bound = static_cast<std::uint64_t>(std::ceil(1 / (0.97 * 0.3))) - 1;
  CHECK(longest_gap(out) <= bound);
}

TEST_CASE("fixed mode follows a changed level with the next batch") {
  harness run{plugin, "mode = 'fixed'\nmethod = 'systematic'"};
  for (const level_row& row : {requirement[3], requirement[0], requirement[2], requirement[1]}) {
    run.pressure(at(row.level));
    run.push(records(10, 100));
    CHECK(std::abs(static_cast<double>(run.outputs().size()) - 1000 * row.keep) <= 1);
  }
}

TEST_CASE("the table is the configuration's") {
  harness run{plugin,
              "mode = 'fixed'\nmethod = 'systematic'\nkeep_healthy = 0.9\nkeep_warning = 0.7\n"
              "keep_critical = 0.4\nkeep_overload = 0.1"};
  for (const auto& [level, keep] : {std::pair{SLUICE_HEALTHY, 0.9},
                                    {SLUICE_WARNING, 0.7},
                                    {SLUICE_CRITICAL, 0.4},
                                    {SLUICE_OVERLOAD, 0.1}}) {
    run.pressure(at(static_cast<std::uint32_t>(level)));
    run.push(records(10, 100));
    CHECK(std::abs(static_cast<double>(run.outputs().size()) - 1000 * keep) <= 1);
  }
}

TEST_CASE("adaptive mode keeps all in HEALTHY, with weight 1") {
  for (const char* method : methods) {
    harness run{plugin, settings(method)};
    CHECK(run.metric("keep_ratio") == 1);
    run.pressure(at(SLUICE_HEALTHY, 1000, 10));
    const auto out = feed(run, records(10, 10), 20);
    CHECK(out.size() == 2000);
    CHECK(weights(out) == 2000);
    CHECK(run.metric("keep_ratio") == 1);
  }
}

TEST_CASE("adaptive mode goes down to what fits and never below the table, then walks up") {
  for (const char* method : methods) {
    INFO(std::string{method});
    harness run{plugin, settings(method)};
    feed(run, records(10, 10), 2);
    run.pressure(at(SLUICE_CRITICAL, 1000, 700));
    for (const double ratio : {0.7, 0.679, 0.679}) {
      feed(run, records(10, 10), 1);
      CHECK(run.metric("keep_ratio") == doctest::Approx(ratio));
    }
    const auto fits = feed(run, records(10, 10), 30);
    CHECK(std::abs(static_cast<double>(fits.size()) - 0.679 * 3000) <= 0.03 * 3000);

    run.pressure(at(SLUICE_OVERLOAD, 1000, 10));  // far less than the floor
    for (const double ratio : {0.379, 0.2, 0.2}) {
      feed(run, records(10, 10), 1);
      CHECK(run.metric("keep_ratio") == doctest::Approx(ratio));
    }
    run.pressure(at(SLUICE_HEALTHY));
    for (int step = 1; step <= 16; ++step) {
      feed(run, records(10, 10), 1);
      CHECK(run.metric("keep_ratio") == doctest::Approx(0.2 + 0.05 * step));
    }
    CHECK(feed(run, records(10, 10), 3).size() == 300);
    CHECK(run.balanced());
  }
}

TEST_CASE(
    "adaptive mode keeps all while the capacity is unknown: the sink takes what it is given") {
  harness run{plugin};
  run.pressure(at(SLUICE_WARNING, 1000, 0));
  feed(run, records(10, 10), 5);
  CHECK(run.metric("keep_ratio") == 1);
}

TEST_CASE("priority 0 passes whole with its weight, and its part is taken from the capacity") {
  for (const char* method : methods) {
    INFO(std::string{method});
    harness run{plugin, settings(method)};
    run.pressure(at(SLUICE_OVERLOAD, 1000, 500));
    auto slot = records(10, 8);
    for (const input& each : records(2, 10, sluice::priority::high)) slot.push_back(each);
    feed(run, slot, 20);
    const auto before = run.count();
    double kept = 0;
    for (const output& each : feed(run, slot, 40)) {
      kept += 1;
      if (each.priority == sluice::priority::high) CHECK(each.weight == 1);
    }
    CHECK(kept == doctest::Approx(0.485 * 4000).epsilon(0.04));
    const auto after = run.count();
    CHECK(after.in - before.in == 4000);
    CHECK(run.balanced());
  }
}

TEST_CASE("adaptive mode thins priority 2 before it drops of priority 1") {
  auto slot = records(10, 8);
  for (const input& each : records(5, 4, sluice::priority::low)) slot.push_back(each);
  for (const char* method : methods) {
    INFO(std::string{method});
    const double error = *method == 'r' ? 0.07 : 0.02;
    const auto kept = [&](std::uint32_t level, double capacity) {
      harness run{plugin, settings(method, "headroom = 1\nfair = false")};
      run.pressure(at(level, 1000, capacity));
      feed(run, slot, 20);
      std::array<double, 3> by_priority{};
      double weight = 0;
      for (const output& each : feed(run, slot, 50)) {
        by_priority[static_cast<std::size_t>(each.priority)] += 1;
        weight += each.weight;
      }
      if (by_priority[2] > 10) CHECK(weight == doctest::Approx(5000).epsilon(error));
      CHECK(run.balanced());
      return std::pair{by_priority[1] / 4000, by_priority[2] / 1000};
    };
    const auto check = [&](std::pair<double, double> got, double normal, double low) {
      CHECK(got.first == doctest::Approx(normal).epsilon(error));
      CHECK(std::abs(got.second - low) <= error);
    };
    check(kept(SLUICE_OVERLOAD, 900), 1, 0.5);
    check(kept(SLUICE_OVERLOAD, 820), 1, 0.1);
    check(kept(SLUICE_OVERLOAD, 440), 0.55, 0.001);
    check(kept(SLUICE_OVERLOAD, 10), 0.25, 0.001);
    check(kept(SLUICE_CRITICAL, 900), 1, 0.5);
    check(kept(SLUICE_CRITICAL, 840), 0.925, 0.5);
    check(kept(SLUICE_CRITICAL, 10), 0.5, 0.5);
    check(kept(SLUICE_WARNING, 960), 1, 0.8);
    check(kept(SLUICE_WARNING, 900), 0.925, 0.8);
  }
}

TEST_CASE("priority 2 alone is kept as far as it fits, and fairly") {
  harness run{plugin, "headroom = 1"};
  auto slot = records(40, 1, sluice::priority::low);
  for (const input& each : records(1, 60, sluice::priority::low)) slot.push_back(each);
  run.pressure(at(SLUICE_OVERLOAD, 1000, 700));
  feed(run, slot, 22);
  const auto out = feed(run, slot, 20);
  CHECK(static_cast<double>(out.size()) == doctest::Approx(1400).epsilon(0.03));
  for (const auto& [key, kept] : kept_by_key(out))
    if (key > 1) CHECK(kept == 20);
  CHECK(run.metric("keep_ratio_low") == doctest::Approx(0.7));
}

TEST_CASE("back in HEALTHY, priority 1 is whole again first") {
  harness run{plugin, "headroom = 1"};
  auto slot = records(10, 5);
  for (const input& each : records(10, 5, sluice::priority::low)) slot.push_back(each);
  run.pressure(at(SLUICE_CRITICAL, 1000, 600));
  feed(run, slot, 22);
  CHECK(run.metric("keep_ratio_low") == doctest::Approx(0.5));
  run.pressure(at(SLUICE_HEALTHY, 1000, 1000));
  double normal = 0.7;
  for (int step = 1; step <= 8; ++step) {
    feed(run, slot, 1);
    const double ratio = 0.6 + 0.05 * step;
    CHECK(run.metric("keep_ratio") == doctest::Approx(ratio));
    CHECK(run.metric("keep_ratio_low") == doctest::Approx(std::max(0.5, 2 * ratio - 1)));
    CHECK(2 * ratio - run.metric("keep_ratio_low") >= normal - 0.001);
    normal = 2 * ratio - run.metric("keep_ratio_low");
  }
}

TEST_CASE("the weight is multiplied: one before stays in it") {
  harness run{plugin, "mode = 'fixed'"};
  run.pressure(at(SLUICE_OVERLOAD));
  std::vector<input> weighed(10, input{.key = 1, .weight = 3});
  run.push(weighed);
  const auto out = run.outputs();
  REQUIRE(out.size() == 2);
  CHECK(out[0].weight == doctest::Approx(15));
}

TEST_CASE("sampled records are counted by priority") {
  harness run{plugin, "mode = 'fixed'"};
  run.pressure(at(SLUICE_CRITICAL));
  run.push(records(1, 100));
  run.push(records(1, 40, sluice::priority::low));
  run.push(records(1, 40, sluice::priority::high));
  run.advance(100ms);
  run.push(input{.key = 9});
  CHECK(std::abs(run.metric("sampled_normal") - 50) <= 1);
  CHECK(std::abs(run.metric("sampled_low") - 20) <= 1);
}

TEST_CASE("weights re-scale to the true count within 196 sqrt(1/c) % in 95 of 100 seeds" *
          only_statistics) {
  for (const char* method : methods) {
    for (const level_row& row : requirement) {
      int within = 0;
      for (int seed = 1; seed <= 100; ++seed) {
        const std::string more = "mode = 'fixed'\nseed = " + std::to_string(seed);
        harness run{plugin, settings(method, more.c_str())};
        run.pressure(at(row.level));
        run.push(records(7, 110));
        const auto out = run.outputs();
        const double error = std::abs(weights(out) - 770) / 770;
        within += error <= 1.96 * std::sqrt(1 / static_cast<double>(out.size()));
      }
      INFO(std::string{method});
      INFO(std::string{row.name});
      CHECK(within >= 95);
    }
  }
}

TEST_CASE("sums re-scaled by the weights are within 1.96 sqrt(sum (w v)^2) in 95 of 100 seeds" *
          only_statistics) {
  // As without an order: what has a period in step with the sampler's is not random to it.
  const auto volume = [](std::uint64_t key, std::uint64_t seq) {
    std::uint64_t mixed = (key << 32 | seq) * 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93u >> 32;
    const double usual = 1 + static_cast<double>(mixed % 99);
    return mixed / 99 % 20 == 0 ? 10 * usual : usual;  // one in twenty is ten times the others
  };
  double truth = 0;
  for (std::uint64_t key = 1; key <= 50; ++key)
    for (std::uint64_t seq = 1; seq <= 40; ++seq) truth += volume(key, seq);
  for (const char* method : methods) {
    for (const level_row& row : requirement) {
      int within = 0;
      for (int seed = 1; seed <= 100; ++seed) {
        const std::string more = "mode = 'fixed'\nseed = " + std::to_string(seed);
        harness run{plugin, settings(method, more.c_str())};
        run.pressure(at(row.level));
        run.push(records(50, 40));
        double sum = 0, squares = 0;
        for (const output& each : run.outputs()) {
          const double value = each.weight * volume(each.key, each.seq);
          sum += value;
          squares += value * value;
        }
        within += std::abs(sum - truth) <= 1.96 * std::sqrt(squares);
      }
      INFO(std::string{method});
      INFO(std::string{row.name});
      CHECK(within >= 95);
    }
  }
}

TEST_CASE(
    "fair: quiet instruments are not sampled, the ratio holds over all, in CRITICAL and above") {
  for (const std::uint32_t level : {SLUICE_CRITICAL, SLUICE_OVERLOAD}) {
    harness run{plugin};
    auto slot = records(80, 1);
    for (const input& each : records(2, 120)) slot.push_back(each);  // 1 and 2 are busy
    run.pressure(at(level, 3200, 1732));
    feed(run, slot, 22);
    const auto out = feed(run, slot, 20);
    const auto kept = kept_by_key(out);
    for (std::uint64_t key = 3; key <= 80; ++key) CHECK(kept.at(key) == 20);
    CHECK(kept.at(1) == doctest::Approx(kept.at(2)).epsilon(0.02));
    CHECK(static_cast<double>(out.size()) == doctest::Approx(6400 * 0.525).epsilon(0.03));
    CHECK(run.metric("fair_share_per_second") == doctest::Approx(450).epsilon(0.02));
    CHECK(weights(out) == doctest::Approx(6400).epsilon(0.03));
    CHECK(run.balanced());
    run.pressure(at(SLUICE_WARNING, 3200, 1732));
    feed(run, slot, 1);
    CHECK(run.metric("fair_share_per_second") == 0);
  }
}

TEST_CASE("fair is of adaptive mode and per_key alone, and can be turned off") {
  for (const char* unfair : {"fair = false", "mode = 'fixed'", "method = 'random'"}) {
    INFO(std::string{unfair});
    harness run{plugin, unfair};
    auto slot = records(40, 1);
    for (const input& each : records(1, 120)) slot.push_back(each);
    run.pressure(at(SLUICE_CRITICAL, 1600, 100));
    feed(run, slot, 22);
    double quiet = 0;
    for (const output& each : feed(run, slot, 20)) quiet += each.key > 1;
    CHECK(quiet == doctest::Approx(0.5 * 39 * 20).epsilon(0.1));
  }
}

TEST_CASE("fair: weights re-scale to the true count in 95 of 100 seeds" * only_statistics) {
  int within = 0;
  for (int seed = 1; seed <= 100; ++seed) {
    harness run{plugin, "seed = " + std::to_string(seed)};
    run.pressure(at(SLUICE_OVERLOAD, 1000, 300));
    std::vector<input> slot;  // Zipf's rates
    for (std::uint64_t key = 1; key <= 12; ++key)
      for (std::uint64_t i = 0; i < 24 / key; ++i) slot.push_back({.key = key});
    const auto out = feed(run, slot, 25);
    const double truth = static_cast<double>(slot.size()) * 25;
    const double error = std::abs(weights(out) - truth) / truth;
    within += error <= 1.96 * std::sqrt(1 / static_cast<double>(out.size()));
  }
  CHECK(within >= 95);
}

TEST_CASE("fair: of no instrument more than ceil(1/p) - 1 in a row, p being its own share") {
  harness run{plugin};
  run.pressure(at(SLUICE_OVERLOAD, 1000, 600));
  std::vector<input> slot;  // Zipf's rates: each instrument has a share of its own
  for (std::uint64_t key = 1; key <= 12; ++key)
    for (std::uint64_t i = 0; i < 96 / key; ++i) slot.push_back({.key = key});
  feed(run, slot, 22);
  std::map<std::uint64_t, output> before;
  std::map<std::uint64_t, std::uint64_t> longest;
  for (const output& each : feed(run, slot, 40)) {
    if (const auto last = before.find(each.key); last != before.end()) {
      const std::uint64_t gap = each.seq - last->second.seq - 1;
      // A weight is 1/p; over a run in which p changed, the smallest p counts.
      const float most = std::max(each.weight, last->second.weight);
      CHECK(gap <= static_cast<std::uint64_t>(std::ceil(most - 0.001F)) - 1);
      longest[each.key] = std::max(longest[each.key], gap);
    }
    before[each.key] = each;
  }
  CHECK(longest.at(1) > longest.at(4));  // it is a bound of each, not of all
  CHECK(longest.at(12) == 0);
}

TEST_CASE("the same seed keeps the same records, another one others") {
  const auto kept = [](const char* method, int seed) {
    const std::string more = "seed = " + std::to_string(seed) + "\nmode = 'fixed'";
    harness run{plugin, settings(method, more.c_str())};
    run.pressure(at(SLUICE_CRITICAL));
    run.push(records(20, 9));
    std::string made;
    for (const output& each : run.outputs())
      made += std::to_string(each.key) + '.' + std::to_string(each.seq) + ' ';
    return made;
  };
  for (const char* method : {"per_key", "random"}) {
    CHECK(kept(method, 4) == kept(method, 4));
    CHECK(kept(method, 4) != kept(method, 5));
  }
}

TEST_CASE("bad settings are refused, each by its key") {
  const auto error = [](const char* text) {
    try {
      harness{plugin, text};
    } catch (const std::exception& refused) {
      return std::string{refused.what()};
    }
    return std::string{};
  };
  CHECK(error("keep_warning = 0.4").find("keep_critical: 0.5 is more than keep_warning (0.4)") !=
        std::string::npos);
  CHECK(error("keep_overload = 0").find("keep_overload") != std::string::npos);
  CHECK(error("keep_healthy = 1.1").find("keep_healthy") != std::string::npos);
  CHECK(error("method = 'hash'").find("per_key") != std::string::npos);
  CHECK(error("").empty());
}
