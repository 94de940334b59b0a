// testing/world.hpp - for the plugins' tests: stages on a host that has a clock, keeps what they
// hold and says what came out, so that one can take another's place between two calls.
#pragma once

#include "random_test.hpp"

#include <sluice/stage.hpp>
#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sluice::test {

using bytes = std::vector<std::uint8_t>;

struct passed {
  std::uint64_t key = 0;
  std::uint8_t priority = 0;
  float weight = 0;
  std::string text;
  bool operator==(const passed&) const = default;
};

class world {
 public:
  world() {
    table_.owner = this;
    table_.size = sizeof(sluice_host);
    table_.now = [](const sluice_host* of) { return in(of).now.time_since_epoch().count(); };
    table_.unix_time = [](const sluice_host*) -> std::int64_t { return 0; };
    table_.log = [](const sluice_host*, std::uint32_t, sluice_str) {};
    table_.event = [](const sluice_host* of, std::uint32_t, sluice_str kind, sluice_str text) {
      in(of).events.push_back(std::string{view(kind)} + ": " + std::string{view(text)});
    };
    table_.extension = [](const sluice_host*, sluice_str id) -> const void* {
      return view(id) == SLUICE_EXT_CODECS ? &codecs : nullptr;
    };
    table_.schema = [](const sluice_host*, sluice_str name) {
      return static_cast<std::uint16_t>(name.size);
    };
    table_.push = [](const sluice_host* of, sluice_record* records, std::uint64_t count) {
      for (std::uint64_t i = 0; i < count; ++i) in(of).pass(records[i]);
      return sluice_status{SLUICE_OK};
    };
    table_.wake_at = [](const sluice_host* of, std::int64_t when) {
      in(of).wake = time_point{duration{when}};
    };
    table_.hold = [](const sluice_host* of, std::uint32_t i, std::uint64_t* handle) {
      world& here = in(of);
      *handle = ++here.handles_;
      here.store_.emplace(*handle, copy{here.batch_->records[i]});
      here.batch_->answers[i] = SLUICE_HELD;
      return sluice_status{SLUICE_OK};
    };
    table_.held = [](const sluice_host* of, std::uint64_t handle) -> const sluice_record* {
      const auto found = in(of).store_.find(handle);
      return found == in(of).store_.end() ? nullptr : &found->second.header;
    };
    table_.release = [](const sluice_host* of, std::uint64_t handle, std::uint32_t position,
                        float) { return in(of).let_go(handle, position); };
    table_.drop_held = [](const sluice_host* of, std::uint64_t handle, std::uint32_t) {
      return sluice_status{in(of).store_.erase(handle) == 1 ? SLUICE_OK : SLUICE_INVALID};
    };
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  sluice::host host() const { return sluice::host{&table_}; }

  /// One batch. A record's key is its index too.
  template <typename Stage>
  void push(Stage& to, const std::vector<testing::input>& records) {
    std::vector<sluice_record> made;
    for (const testing::input& each : records) made.push_back(record_of(each));
    std::vector<std::uint8_t> answers(made.size(), SLUICE_KEEP);
    sluice_batch raw{sizeof raw,     static_cast<std::uint32_t>(made.size()), made.data(),
                     answers.data(), now.time_since_epoch().count(),          0,
                     &pressure};
    batch_ = &raw;
    batch as_seen{raw, table_};
    to.process(as_seen);
    batch_ = nullptr;
    for (std::uint32_t i = 0; i < made.size(); ++i) {
      pass_released(i);
      if (answers[i] == SLUICE_KEEP) pass(made[i]);
    }
    pass_released(SLUICE_AT_END);
  }
  /// Time goes on, and the stage's timer comes when it is due.
  template <typename Stage>
  void advance(Stage& by, duration how_long) {
    const time_point until = now + how_long;
    while (wake <= until) {
      now = std::max(now, std::exchange(wake, never));
      if constexpr (requires { &Stage::on_timer; }) by.on_timer(now);
      pass_released(SLUICE_AT_END);
    }
    now = until;
  }
  /// As the host does for a stage that cannot hold: the oldest first.
  void release_all() {
    for (const auto& [handle, each] : store_) pass(each.header);
    store_.clear();
  }
  std::size_t held() const { return store_.size(); }
  std::vector<passed> outputs() {
    pass_released(SLUICE_AT_END);
    return std::exchange(out_, {});
  }

  time_point now{std::chrono::hours{1}};
  time_point wake = never;
  sluice_pressure pressure{sizeof(sluice_pressure), SLUICE_HEALTHY, 0, 0, 0, 0};
  std::vector<std::string> events;
  static inline const sluice_codec* codec = nullptr;

 private:
  struct table : sluice_host {
    world* owner = nullptr;
  };
  struct copy {
    explicit copy(const sluice_record& of) : payload(of.data, of.data + of.size), header{of} {
      header.data = payload.data();
    }
    copy(copy&&) noexcept = default;
    copy& operator=(copy&&) noexcept = default;
    bytes payload;
    sluice_record header;
  };
  static world& in(const sluice_host* of) { return *static_cast<const table*>(of)->owner; }
  static constexpr sluice_codecs codecs{
      sizeof(sluice_codecs),
      [](const sluice_host*, std::uint16_t) -> const sluice_codec* { return codec; },
      [](const sluice_host*, std::uint16_t) { return borrow("test/1"); }};

  static sluice_record record_of(const testing::input& each) {
    sluice_record made{};
    made.key = each.key;
    made.index = static_cast<std::uint32_t>(each.key);
    made.priority = static_cast<std::uint8_t>(each.priority);
    made.weight = each.weight;
    made.data = reinterpret_cast<const std::uint8_t*>(each.text.data());
    made.size = static_cast<std::uint32_t>(each.text.size());
    return made;
  }
  sluice_status let_go(std::uint64_t handle, std::uint32_t position) {
    const auto found = store_.find(handle);
    if (found == store_.end()) return SLUICE_INVALID;
    released_.emplace_back(position, std::move(found->second));
    store_.erase(found);
    return SLUICE_OK;
  }
  void pass_released(std::uint32_t position) {
    while (!released_.empty() && released_.front().first <= position) {
      pass(released_.front().second.header);
      released_.erase(released_.begin());
    }
  }
  void pass(const sluice_record& each) {
    out_.push_back({each.key,
                    each.priority,
                    each.weight,
                    {reinterpret_cast<const char*>(each.data), each.size}});
  }

  table table_{};
  sluice_batch* batch_ = nullptr;
  std::uint64_t handles_ = 0;
  std::map<std::uint64_t, copy> store_;
  std::vector<std::pair<std::uint32_t, copy>> released_;
  std::vector<passed> out_;
};

template <typename Stage>
bytes state_of(Stage& from) {
  state_writer out;
  from.save(out);
  return {out.bytes().begin(), out.bytes().end()};
}
template <typename Stage>
void load(Stage& into, std::span<const std::uint8_t> state) {
  state_reader in{Stage::state_schema, state};
  into.load(in);
}

/// What was loaded is what is saved; cut anywhere, a state is refused; whatever its bytes are, it
/// is refused or taken, and the stage then does its work. `make` makes an object, `work` uses it.
template <typename Make, typename Work>
void check_state(const bytes& state, Make&& make, Work&& work, int rounds = 3'000) {
  {
    auto again = make();
    load(*again, state);
    CHECK(state_of(*again) == state);
  }
  for (std::size_t size = 0; size < state.size(); ++size) {
    auto cut = make();
    CHECK_THROWS_AS(load(*cut, std::span{state}.first(size)), std::runtime_error);
  }
  bytes longer = state;
  longer.push_back(0);
  CHECK_THROWS_AS(load(*make(), longer), std::runtime_error);

  std::mt19937_64 random{test_seed()};
  for (int i = 0; i < rounds; ++i) {
    bytes wrong = state;
    for (std::uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
      const auto value = static_cast<std::uint8_t>(random() % 3 == 0 ? 0xff : random());
      for (std::size_t at = random() % wrong.size(), run = 1 + random() % 8;
           run > 0 && at < wrong.size(); --run)
        wrong[at++] = value;
    }
    auto any = make();
    try {
      load(*any, wrong);
    } catch (const std::runtime_error&) {
      continue;
    }
    work(*any);
    state_of(*any);
  }
}

}  // namespace sluice::test
