#include <sampling/accumulator.hpp>
#include <sampling/level_table.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>

namespace sampling_test {

using namespace sluice::sampling;

namespace {

constexpr double parts_of_requirement[] = {1, 0.8, 0.5, 0.2};

std::uint32_t most_drops(double part) {
  return static_cast<std::uint32_t>(std::ceil(1 / part)) - 1;
}

}  // namespace

TEST_CASE("a share is exact in 2^-32 and never rounded down") {
  CHECK(share{}.whole());
  CHECK(share{1}.whole());
  CHECK(share{1}.weight() == 1);
  CHECK(share{2}.whole());
  CHECK(share{0}.parts() == 1);
  CHECK_FALSE(share{0.999'999}.whole());
  CHECK(share{std::nextafter(1.0, 0.0)}.weight() >= 1);
  CHECK(share{0.2}.weight() == doctest::Approx(5));
  for (std::uint64_t n = 2; n <= 1000; ++n)
    CHECK(share{1 / static_cast<double>(n)}.parts() * n >= share::one);
}

TEST_CASE("an accumulator keeps its share to the record and drops at most ceil(1/p) - 1 in a row") {
  random_bits random{1};
  for (const double part : {1.0, 0.97, 0.8, 0.5, 1.0 / 3, 0.3, 0.2, 0.1, 0.07, 0.001}) {
    for (int phase = 0; phase < 20; ++phase) {
      accumulator each{phase == 0 ? 0 : random.next()};
      const std::uint32_t records = 20'000;
      std::uint32_t kept = 0, dropped = 0, worst = 0;
      for (std::uint32_t i = 0; i < records; ++i) {
        const bool keep = each.keep(share{part});
        kept += keep;
        dropped = keep ? 0 : dropped + 1;
        worst = std::max(worst, dropped);
      }
      CAPTURE(part);
      CHECK(std::abs(kept - part * records) <= 1);
      CHECK(worst <= most_drops(part));
    }
  }
}

TEST_CASE("while the share changes, the smallest of a run of drops bounds it") {
  random_bits random{2};
  accumulator each{random.next()};
  std::uint32_t dropped = 0;
  double smallest = 1, part = 1;
  for (int i = 0; i < 500'000; ++i) {
    if (random.next() % 8 == 0) part = 0.02 + 0.98 * random.next() / 4294967296.0;
    smallest = std::min(smallest, part);
    if (each.keep(share{part})) {
      dropped = 0;
      smallest = 1;
    } else if (++dropped > most_drops(smallest)) {
      FAIL("dropped ", dropped, " in a row at ", smallest);
    }
  }
}

TEST_CASE("each record's chance is its share, whatever its place") {
  for (const double part : parts_of_requirement) {
    std::uint32_t kept[4] = {};
    const std::uint32_t instruments = 20'000;
    accumulators all{7};
    for (std::uint32_t index = 0; index < instruments; ++index)
      for (std::uint32_t& place : kept) place += all.of(index).keep(share{part});
    for (const std::uint32_t place : kept) CHECK(std::abs(place - part * instruments) <= 300);
  }
}

TEST_CASE("phases depend on the seed and the index, not on the order of arrival") {
  const auto pattern = [](std::uint64_t seed, bool backwards) {
    accumulators all{seed};
    std::string made(64, '.');
    for (std::uint32_t i = 0; i < 64; ++i) {
      const std::uint32_t index = backwards ? 63 - i : i;
      if (all.of(index).keep(share{0.5})) made[index] = 'x';
    }
    return made;
  };
  CHECK(pattern(1, false) == pattern(1, true));
  CHECK(pattern(1, false) != pattern(2, false));
}

TEST_CASE("a level table that grows with the level is refused, by key") {
  const auto problems_of = [](const level_table& table) {
    char buffer[512];
    sluice_text text{buffer, sizeof buffer, 0};
    sluice::problems found{text};
    table.check(found);
    return std::string{buffer, text.size};
  };
  CHECK(problems_of({1, 0.8, 0.5, 0.2}).empty());
  CHECK(problems_of({1, 1, 1, 1}).empty());
  CHECK(problems_of({1, 0.4, 0.5, 0.6}) ==
        "keep_critical: 0.5 is more than keep_warning (0.4): a worse level keeps no more\n"
        "keep_overload: 0.6 is more than keep_critical (0.5): a worse level keeps no more\n");
  const level_table table{1, 0.8, 0.5, 0.2};
  for (std::uint32_t level = SLUICE_HEALTHY; level <= SLUICE_OVERLOAD; ++level)
    CHECK(table[level] == parts_of_requirement[level]);
  CHECK(table[9] == 0.2);
}

}  // namespace sampling_test
