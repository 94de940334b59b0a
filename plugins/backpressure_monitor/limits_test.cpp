#include "limits.hpp"

#include <doctest/doctest.h>

using sluice::level;
using sluice::backpressure_monitor::limits;

namespace {

std::string problems_of(const limits& of) {
  char buffer[512];
  sluice_text out{buffer, sizeof buffer, 0};
  sluice::problems found{out};
  of.check(found);
  return {buffer, out.size};
}

}  // namespace

TEST_CASE("a share reaches the level whose threshold it meets, and says so") {
  const limits memory{"memory", {0.7, 0.85, 0.95}};
  CHECK(memory.at(0) == level::healthy);
  CHECK(memory.at(0.699) == level::healthy);
  CHECK(memory.cause(0.699).empty());
  CHECK(memory.at(0.7) == level::warning);
  CHECK(memory.at(0.91) == level::critical);
  CHECK(memory.cause(0.91) == "memory 91 % >= 85 %");
  CHECK(memory.at(2) == level::overload);
  CHECK(memory.cause(2) == "memory 200 % >= 95 %");
}

TEST_CASE("a threshold of 0 is none") {
  const limits cpu{"cpu", {0.95, 0, 0}};
  CHECK(cpu.at(0.94) == level::healthy);
  CHECK(cpu.at(1) == level::warning);
  const limits off{"cpu", {0, 0, 0}};
  CHECK(off.at(0) == level::healthy);
  CHECK(off.at(1) == level::healthy);
  const limits late{"error_rate", {0, 0, 0.5}};
  CHECK(late.at(0.4) == level::healthy);
  CHECK(late.at(0.5) == level::overload);
}

TEST_CASE("thresholds grow with the level; those that are off do not count") {
  CHECK(problems_of({"memory", {0.7, 0.85, 0.95}}).empty());
  CHECK(problems_of({"memory", {0.7, 0, 0.95}}).empty());
  CHECK(problems_of({"memory", {0, 0, 0}}).empty());
  CHECK(problems_of({"memory", {0, 0.5, 0}}).empty());
  CHECK(problems_of({"memory", {0.9, 0, 0.8}}) ==
        "memory_overload: 0.8 is not above memory_warning (0.9); 0 switches one off\n");
  CHECK(problems_of({"cpu", {0.9, 0.9, 0.95}}) ==
        "cpu_critical: 0.9 is not above cpu_warning (0.9); 0 switches one off\n");
}
