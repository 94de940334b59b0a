#include "conformance/traffic.hpp"

namespace sluice::testing::conformance {

std::vector<input> mixed(std::uint32_t count, std::uint32_t salt) {
  constexpr std::uint32_t keys = 23;
  constexpr std::uint32_t priorities[] = {1, 2, 1, 0, 1, 2, 1};
  std::vector<input> made;
  made.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t number = i + salt * 7919;
    input one;
    one.key = 1 + number % keys;
    one.text = std::string(number % 61, static_cast<char>('a' + number % 26));
    one.schema = number % 5 == 0 ? "test/2" : "test/1";
    one.priority = static_cast<sluice::priority>(priorities[number % std::size(priorities)]);
    one.flags = number % 31 == 0 ? SLUICE_RECORD_SNAPSHOT : 0;
    one.weight = number % 11 == 0 ? 2.5f : 1.0f;
    one.exchange_time = duration{1'700'000'000'000'000'000 + number};
    made.push_back(std::move(one));
  }
  return made;
}

sluice_pressure pressure_of(std::uint32_t level) {
  sluice_pressure made{};
  made.size = sizeof made;
  made.level = level;
  made.offered_per_s = 50'000;
  made.capacity_per_s = level == SLUICE_HEALTHY ? 0 : 40'000 / level;
  made.pending = level * 1'000;
  made.oldest_ns = level * 100'000'000;
  return made;
}

bool takes_input(bench& on) { return !on.is(SLUICE_SOURCE) && !on.is(SLUICE_SERVICE); }

void live(bench& on, harness& in, std::uint32_t rounds, std::uint32_t salt) {
  for (std::uint32_t i = 0; i < rounds; ++i) {
    if (takes_input(on)) in.push(mixed(i % 4 == 0 ? 1 : 40, salt + i));
    on.let_pass(in, std::chrono::milliseconds{40});
  }
  in.outputs();
  in.logs();
}

}  // namespace sluice::testing::conformance
