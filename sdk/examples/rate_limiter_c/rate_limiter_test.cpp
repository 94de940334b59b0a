// The C stage in the real runtime, on virtual time: the harness takes any plugin's table.
#include <sluice/ext/swap.h>
#include <sluice/testing.hpp>

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using sluice::testing::harness;

extern "C" const sluice_plugin sluice_plugin_entry;

namespace {

constexpr auto& plugin = sluice_plugin_entry;

std::vector<float> weights(harness& run) {
  std::vector<float> all;
  for (const auto& each : run.outputs()) all.push_back(each.weight);
  return all;
}

using list = std::vector<float>;
using bytes = std::vector<std::uint8_t>;

/// One stage by its table alone, for what the harness does not call.
class stage {
 public:
  explicit stage(std::int64_t rate, std::int64_t burst = 1) {
    values_[0].integer = rate;
    values_[1].integer = burst;
    made_ = plugin.create(nullptr, values_.data(), 2, nullptr);
    REQUIRE(made_ != nullptr);
  }
  ~stage() { plugin.destroy(made_); }
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// The answer for one record.
  std::uint8_t answer(std::int64_t now_ns, std::uint32_t index = 0) {
    sluice_record record{};
    record.index = index;
    record.priority = SLUICE_PRIORITY_NORMAL;
    record.weight = 1;
    std::uint8_t given = SLUICE_KEEP;
    sluice_batch batch{sizeof(sluice_batch), 1, &record, &given, now_ns, 0, nullptr};
    REQUIRE(plugin.process(made_, &batch, nullptr) == SLUICE_OK);
    return given;
  }
  bytes save() {
    bytes state;
    const auto append = [](void* into, const std::uint8_t* data, std::uint64_t size) {
      auto& all = *static_cast<bytes*>(into);
      all.insert(all.end(), data, data + size);
    };
    REQUIRE(table().export_state(made_, append, &state, nullptr) == SLUICE_OK);
    return state;
  }
  sluice_status load(const bytes& state, std::string_view schema = "rate_limiter/1") {
    return table().import_state(made_, sluice::borrow(schema), state.data(), state.size(), nullptr);
  }
  void change(std::int64_t rate, std::int64_t burst) {
    values_[0].integer = rate;
    values_[1].integer = burst;
    REQUIRE(table().reconfigure(made_, values_.data(), 2, nullptr) == SLUICE_OK);
  }

 private:
  static const sluice_swap& table() {
    return *static_cast<const sluice_swap*>(plugin.extension(sluice::borrow(SLUICE_EXT_SWAP)));
  }
  std::array<sluice_value, 2> values_{};
  void* made_;
};

}  // namespace

TEST_CASE("of each key one record in an interval, which stands for those before it") {
  harness run{plugin, "rate = 10"};
  for (int i = 0; i < 4; ++i) {
    run.push({{.key = 1, .text = "a"}, {.key = 2, .text = "b"}});
    run.advance(50ms);
  }
  CHECK(weights(run) == list{1, 1, 2, 2});
  CHECK(run.count().dropped[SLUICE_DROP_SAMPLED] == 4);
  CHECK(run.balanced());
}

TEST_CASE("a burst passes after a pause, and no more") {
  harness run{plugin, "rate = 10\nburst = 3"};
  const std::vector<sluice::testing::input> six(6, {.text = "a"});
  run.push(six);
  CHECK(run.outputs().size() == 3);
  run.advance(200ms);
  run.push(six);
  CHECK(weights(run) == list{4, 1});
  run.advance(1h);
  run.push(six);
  CHECK(run.outputs().size() == 3);
}

TEST_CASE("high priority passes and costs nothing") {
  harness run{plugin};
  run.push({{.text = "a", .priority = sluice::priority::high},
            {.text = "b", .priority = sluice::priority::high},
            {.text = "c"}});
  CHECK(run.outputs().size() == 3);
}

TEST_CASE("many keys") {
  harness run{plugin};
  std::vector<sluice::testing::input> many(5'000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i].key = i;
  run.push(many);
  run.push(many);
  CHECK(run.outputs().size() == many.size());
  CHECK(run.count().dropped[SLUICE_DROP_SAMPLED] == many.size());
}

TEST_CASE("a rule across keys is the plugin's") {
  CHECK_NOTHROW((harness{plugin, "rate = 1\nburst = 60"}));
  CHECK_THROWS_WITH_AS((harness{plugin, "rate = 1\nburst = 61"}),
                       doctest::Contains("at most 60 times rate"), std::runtime_error);
}

TEST_CASE("what takes over goes on where the old one was") {
  stage old{10};
  CHECK(old.answer(1'000) == SLUICE_KEEP);
  CHECK(old.answer(2'000) == SLUICE_DROP_SAMPLED);
  stage next{10};
  CHECK(next.load(old.save()) == SLUICE_OK);
  CHECK(next.answer(3'000) == SLUICE_DROP_SAMPLED);
  CHECK(next.answer(100'001'000) == SLUICE_KEEP);
  CHECK(stage{10}.load({}) == SLUICE_OK);
}

TEST_CASE("a slower rate before does not hold a key back for longer than the new one would") {
  stage slow{1, 60};
  for (int i = 0; i < 60; ++i) CHECK(slow.answer(1'000) == SLUICE_KEEP);
  slow.change(1'000, 1);
  CHECK(slow.answer(1'001'000) == SLUICE_DROP_SAMPLED);
  CHECK(slow.answer(2'001'000) == SLUICE_KEEP);
}

TEST_CASE("a state that makes no sense is refused") {
  stage old{10};
  old.answer(1'000);
  const bytes sound = old.save();
  CHECK(stage{10}.load(sound, "rate_limiter/2") == SLUICE_FAILED);
  bytes state = sound;
  state.pop_back();
  CHECK(stage{10}.load(state) == SLUICE_FAILED);
  for (const double wrong : {-1.0, std::numeric_limits<double>::quiet_NaN(), 1e300}) {
    state = sound;
    std::memcpy(&state[8], &wrong, sizeof wrong);
    CHECK(stage{10}.load(state) == SLUICE_FAILED);
  }
  state = sound;
  state[7] = 0xff;  // a negative time
  CHECK(stage{10}.load(state) == SLUICE_FAILED);
}
