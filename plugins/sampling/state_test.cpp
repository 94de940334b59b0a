#include <sampling/state.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace state_test {

using namespace sluice;
using namespace sluice::sampling;

namespace {

std::span<const std::uint8_t> write(state_writer& out, std::initializer_list<section> which) {
  for (const section each : which)
    put_section(out, each, [&](state_writer& to) { to.put(static_cast<std::uint32_t>(each)); });
  end_sections(out);
  return out.bytes();
}

/// Sections read; those in `skipped` are not.
std::vector<section> read(std::span<const std::uint8_t> bytes, section skipped = section::end) {
  std::vector<section> found;
  state_reader in{state_schema, bytes};
  read_sections(in, [&](section which, state_reader& from) {
    if (which == skipped) return false;
    CHECK(from.get<std::uint32_t>() == static_cast<std::uint32_t>(which));
    found.push_back(which);
    return true;
  });
  return found;
}

}  // namespace

TEST_CASE("sections: a reader takes those it knows and skips the others") {
  state_writer out;
  const auto later = static_cast<section>(4'000'000'000u);
  const auto bytes = write(out, {section::phases, section::windows, later});
  CHECK(read(bytes) == std::vector<section>{section::phases, section::windows, later});
  CHECK(read(bytes, section::windows) == std::vector<section>{section::phases, later});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_THROWS_AS(read(bytes.first(size)), std::runtime_error);
}

TEST_CASE("sections: twice, out of order, too long, or behind the end is refused") {
  for (const auto& wrong : {std::initializer_list<section>{section::ratio, section::ratio},
                            {section::ratio, section::phases}}) {
    state_writer out;
    CHECK_THROWS_AS(read(write(out, wrong)), std::runtime_error);
  }
  state_writer longer;
  put_section(longer, section::ratio, [](state_writer& to) { to.put(std::uint64_t{3}); });
  end_sections(longer);
  CHECK_THROWS_AS(read(longer.bytes()), std::runtime_error);
  state_writer behind;
  write(behind, {section::ratio});
  behind.put('x');
  CHECK_THROWS_AS(read(behind.bytes()), std::runtime_error);
}

TEST_CASE("values out of bounds are refused, a NaN and an absurd time too") {
  const auto number = [](double value) {
    state_writer out;
    out.put(value);
    return state_reader{"", out.bytes()}.get<double>(0, 1);
  };
  CHECK(number(0) == 0);
  CHECK(number(1) == 1);
  for (const double wrong : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_AS(number(wrong), std::runtime_error);

  const time_point now{std::chrono::hours{1}};
  const auto time = [&](time_point value, bool or_never) {
    state_writer out;
    out.put(value);
    state_reader in{"", out.bytes()};
    const time_point got = or_never ? read_time_or_never(in, now) : read_time(in, now);
    CHECK(in.at_end());
    return got;
  };
  CHECK(time(now, false) == now);
  CHECK(time(time_point{}, true) == time_point{});
  CHECK(time(never, true) == never);
  CHECK_THROWS_AS(time(never, false), std::runtime_error);
  CHECK_THROWS_AS(time(now + duration{1}, true), std::runtime_error);
  CHECK_THROWS_AS(time(time_point::min(), true), std::runtime_error);
}

}  // namespace state_test
