#include "windows.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace windows_test {

using namespace std::chrono_literals;
using sluice::conflating_sampler::windows;

namespace {
sluice::time_point at(sluice::duration since_start) { return sluice::time_point{since_start}; }

std::vector<std::uint32_t> close_all(windows& all) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t key = all.first(); key != windows::none; key = all.first()) {
    order.push_back(key);
    all.close(key);
    CHECK_FALSE(all.is_open(key));
  }
  return order;
}
}  // namespace

TEST_CASE("windows end in the order they were opened; opened anew, at the end of it") {
  windows all;
  CHECK(all.first() == windows::none);
  CHECK_FALSE(all.is_open(7));
  for (const std::uint32_t key : {3u, 0u, 7u, 5u}) all.open(key, at(1s));
  CHECK(all.is_open(7));
  all.open(0, at(2s));  // from the middle
  all.open(3, at(3s));  // from the front
  all.open(3, at(4s));  // from the end
  CHECK(all.opened(3) == at(4s));
  CHECK(all.first() == 7);
  CHECK(close_all(all) == std::vector<std::uint32_t>{7, 5, 0, 3});
}

TEST_CASE("windows close anywhere") {
  windows all;
  for (const std::uint32_t key : {1u, 2u, 3u, 4u}) all.open(key, at(1s));
  all.close(2);
  all.close(4);
  all.open(9, at(1s));
  all.close(1);
  CHECK(close_all(all) == std::vector<std::uint32_t>{3, 9});
  all.open(2, at(5s));
  CHECK(close_all(all) == std::vector<std::uint32_t>{2});
}

}  // namespace windows_test
