// The stage in the real runtime, on virtual time.
#include "moneyness_filter.hpp"

#include <sluice/testing.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

using sluice::testing::harness;

namespace {

/// A payload here is the price in digits; "?" is malformed.
sluice_status read_price(const sluice_record* from, sluice_str name, sluice_scalar* out) {
  *out = {};
  const std::string text{reinterpret_cast<const char*>(from->data), from->size};
  if (text == "?") return SLUICE_FAILED;
  if (sluice::view(name) != "last_price" || text.empty()) return SLUICE_OK;
  out->kind = SLUICE_IS_NUMBER;
  out->number = std::atof(text.c_str());
  return SLUICE_OK;
}

constexpr sluice_codec test_codec{
    sizeof(sluice_codec), 1, sluice::borrow("test/1"),
    [](const sluice_record*, char*, std::uint64_t) -> std::uint64_t { return 0; }, &read_price};

/// The stage, with a codec for what the test pushes: the feed of a pipeline brings its own.
struct filter : stages::moneyness_filter {
  using moneyness_filter::moneyness_filter;
  static constexpr std::array codecs{&test_codec};
};
constexpr auto& plugin = sluice::plugin_of<filter>;

enum key : std::uint64_t { nifty, near_call, far_put, other, future };

harness started(const std::string& settings = "") {
  harness run{plugin, settings};
  run.attributes({"symbol", "name", "strike"},
                 {{nifty, {"NIFTY 50", "NIFTY 50", ""}},
                  {near_call, {"NIFTY26JAN24100CE", "NIFTY", "24100"}},
                  {far_put, {"NIFTY26JAN22000PE", "NIFTY", "22000"}},
                  {other, {"X26JAN51000CE", "X", "51000"}},
                  {future, {"NIFTY26JANFUT", "NIFTY", ""}}});
  return run;
}

std::vector<std::uint64_t> keys(harness& run) {
  std::vector<std::uint64_t> all;
  for (const auto& each : run.outputs()) all.push_back(each.key);
  return all;
}

using list = std::vector<std::uint64_t>;

}  // namespace

// [test]
TEST_CASE("far options are dropped, all else goes on in order") {
  harness run = started();
  run.push({{.key = nifty, .text = "24000"},
            {.key = far_put, .text = "3"},
            {.key = near_call, .text = "180"},
            {.key = other, .text = "90"},
            {.key = future, .text = "24050"}});
  CHECK(keys(run) == list{nifty, near_call, other, future});
  CHECK(run.count().dropped[SLUICE_DROP_SAMPLED] == 1);
  CHECK(run.balanced());
}
// [/test]

TEST_CASE("before the underlying's first price nothing is far") {
  harness run = started();
  run.push({{.key = far_put, .text = "3"}, {.key = nifty}, {.key = far_put, .text = "3"}});
  CHECK(keys(run) == list{far_put, nifty, far_put});
}

TEST_CASE("the money moves with each tick of the underlying") {
  harness run = started();
  run.push({{.key = nifty, .text = "22100"}, {.key = far_put}, {.key = near_call}});
  CHECK(keys(run) == list{nifty, far_put});
  run.push({{.key = nifty, .text = "?"}, {.key = far_put}, {.key = near_call}});
  CHECK(keys(run) == list{nifty, far_put});
}

TEST_CASE("how far is the configuration's, and high priority passes") {
  harness run = started("within = 10");
  run.push({{.key = nifty, .text = "24000"}, {.key = far_put}, {.key = near_call}});
  CHECK(keys(run) == list{nifty, far_put, near_call});
  harness strict = started("within = 0");
  strict.push(
      {{.key = nifty, .text = "24000"}, {.key = near_call, .priority = sluice::priority::high}});
  CHECK(keys(strict) == list{near_call, nifty});  // high priority leaves first
}

TEST_CASE("attributes that change are read again") {
  harness run = started();
  run.push({{.key = nifty, .text = "24000"}, {.key = far_put}});
  CHECK(keys(run) == list{nifty});
  run.attributes({"name", "strike"}, {{far_put, {"NIFTY", "24000"}}});
  run.push({.key = far_put});
  CHECK(keys(run) == list{far_put});
}

TEST_CASE("strikes are numbers, all else is none") {
  CHECK(stages::price_in("24000") == 24'000);
  CHECK(stages::price_in("412.5") == 412.5);
  for (const char* text : {"", "CE", "1e3", "12x", " 12", "inf", "nan"}) {
    CAPTURE(text);
    CHECK(stages::price_in(text) == 0);
  }
}
