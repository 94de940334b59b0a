// The n-th allocation fails, for each n until there is none: while a pipeline is made, under
// traffic, in a swap, in a drain. What a plugin allocates, or asks the host for, costs it a fault;
// what the core needs for itself ends the pipeline; what goes on after that adds up.
#include <sluice/testing.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <deque>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <vector>

namespace {

/// How many allocations are made until one fails; 0: none does.
thread_local std::size_t until_failure = 0;
/// The plugin's own code runs, and none of the host's.
thread_local bool in_plugin = false;
thread_local bool failed_in_plugin = false;

void* allocate(std::size_t size) {
  if (until_failure != 0 && --until_failure == 0) {
    failed_in_plugin = in_plugin;
    throw std::bad_alloc{};
  }
  if (void* made = std::malloc(size == 0 ? 1 : size)) return made;
  throw std::bad_alloc{};
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return allocate(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* what) noexcept { std::free(what); }
void operator delete[](void* what) noexcept { std::free(what); }
void operator delete(void* what, std::size_t) noexcept { std::free(what); }
void operator delete[](void* what, std::size_t) noexcept { std::free(what); }

using namespace std::chrono_literals;
using sluice::testing::harness;

namespace {

constexpr std::size_t most_allocations = 2'000;

/// All that a transform can do, in turn: keeps, drops, absorbs, holds and emits; lets go later.
struct juggler {
  struct config {
    int every = 0;
  };
  static constexpr auto fields = sluice::fields(
      sluice::field<&config::every>("every", "A row.").by_default("1").between(1, 9).live());
  static constexpr sluice::description about{"juggler", "1.0.0", "Does everything.",
                                             SLUICE_TRANSFORM,
                                             SLUICE_CAN_ABSORB | SLUICE_CAN_HOLD | SLUICE_CAN_EMIT};
  static constexpr std::array<std::string_view, 1> emits{"test/1"};
  static constexpr sluice_codec codec{
      sizeof(sluice_codec), 1, sluice::borrow("test/1"),
      [](const sluice_record*, char*, std::uint64_t) -> std::uint64_t { return 0; },
      [](const sluice_record*, sluice_str, sluice_scalar* out) -> sluice_status {
        return *out = {}, sluice_status{SLUICE_OK};
      }};
  static constexpr std::array codecs{&codec};
  static constexpr std::string_view state_schema{"juggler/1"};

  juggler(const config&, sluice::host given) : host_{given} {}

  void process(sluice::batch& records) {
    for (const sluice::record& each : records) {
      switch (number_++ % 6) {
        case 0: records.drop(each, sluice::reason::sampled); break;
        case 1: absorb(records, each); break;
        case 2:
          if (const auto held = records.hold(each)) held_.push_back(held.handle);
          break;
        case 3: host_.emit(each, records.number(each)); break;
        case 4: host_.event("note", "an event with a text that is not a short one"); break;
        default: break;
      }
    }
    host_.wake_at(records.now() + 1s);
  }
  void on_timer(sluice::time_point) {
    for (bool drops = false; !held_.empty(); held_.pop_front(), drops = !drops) {
      if (host_.held({held_.front()}) == nullptr) continue;  // of a call that failed
      if (drops)
        host_.drop({held_.front()}, sluice::reason::sampled);
      else
        host_.release({held_.front()});
    }
  }
  bool drain(sluice::time_point now) { return on_timer(now), true; }
  void save(sluice::state_writer& out) {
    out.put(number_);
    out.put(static_cast<std::uint32_t>(held_.size()));
    for (const std::uint64_t each : held_) out.put(each);
  }
  void load(sluice::state_reader& in) {
    number_ = in.get<std::uint32_t>();
    for (std::uint32_t left = in.size(8); left > 0; --left)
      held_.push_back(in.get<std::uint64_t>());
  }
  void reconfigure(const config&) {}

 private:
  void absorb(sluice::batch& records, const sluice::record& which) {
    in_plugin = true;
    struct out_again {
      ~out_again() { in_plugin = false; }
    } end;
    seen_.emplace_back(40, 'x');
    records.absorb(which);
  }

  sluice::host host_;
  std::uint32_t number_ = 0;
  std::deque<std::uint64_t> held_;
  std::vector<std::string> seen_;
};
constexpr auto& plugin = sluice::plugin_of<juggler>;

/// Runs it with the n-th allocation failing. False: it was not made. `thrown` is what came out.
bool fails(std::size_t n, const std::function<void()>& what, std::optional<std::string>& thrown) {
  failed_in_plugin = false;
  until_failure = n;
  try {
    what();
  } catch (const std::exception& why) {
    thrown = why.what();
  }
  return std::exchange(until_failure, 0) == 0;
}

/// `attempt` is tried on a stage at work, a new one each time; `look` judges what goes on after it.
void for_each_failure(const std::function<void(harness&)>& attempt,
                      const std::function<void(harness&, bool refused)>& look) {
  std::size_t n = 1, in_plugins = 0;
  for (bool failed = true; failed && n <= most_allocations; ++n) {
    CAPTURE(n);
    harness run{plugin};
    run.push(std::vector<sluice::testing::input>(7));
    std::optional<std::string> thrown;
    failed = fails(
        n, [&] { attempt(run); }, thrown);
    if (failed_in_plugin) {
      ++in_plugins;
      CHECK(!thrown);
      CHECK(run.faults() == 1);
    }
    look(run, thrown.has_value());
  }
  CHECK(n > 2);
  CHECK(n < most_allocations);
  MESSAGE("up to allocation " << n << ", " << in_plugins << " of them the plugin's own");
}

}  // namespace

TEST_CASE("memory: a pipeline that cannot be made says so, and leaves nothing") {
  std::size_t n = 1;
  for (bool failed = true; failed && n <= most_allocations; ++n) {
    CAPTURE(n);
    std::optional<std::string> thrown;
    failed = fails(
        n,
        [] {
          harness run{plugin, "every = 2"};
        },
        thrown);
    if (thrown) CHECK(!thrown->empty());
  }
  CHECK(n > 50);
  CHECK(n < most_allocations);
}

TEST_CASE("memory: under traffic, a fault of the stage or the end of its lane") {
  std::size_t faults = 0;
  for_each_failure(
      [](harness& run) {
        for (int i = 0; i < 8; ++i) {
          run.push(std::vector<sluice::testing::input>(40));
          run.advance(600ms);
        }
      },
      [&](harness& run, bool ended) {
        if (ended) return;
        faults += run.faults();
        CHECK(run.balanced());
        const auto before = run.count().in;
        run.push(std::vector<sluice::testing::input>(12));
        CHECK(run.count().in >= before + 12);  // more, of a feed that had no memory before
        CHECK(run.drain());
        CHECK(run.count().held == 0);
        CHECK(run.balanced());
      });
  CHECK(faults > 0);
}

TEST_CASE("memory: a swap that fails leaves the old one at work") {
  std::size_t refused_ones = 0;
  for_each_failure([](harness& run) { run.swap(plugin, "every = 3"); },
                   [&](harness& run, bool refused) {
                     refused_ones += refused;
                     CHECK(run.balanced());
                     run.push(std::vector<sluice::testing::input>(12));
                     CHECK(run.count().in == 19);
                     CHECK(run.faults() <= 1);  // it could not hand its state over
                     CHECK(run.drain());
                     CHECK(run.count().held == 0);
                     CHECK(run.balanced());
                   });
  CHECK(refused_ones > 0);
}

TEST_CASE("memory: a drain that fails still ends") {
  for_each_failure([](harness& run) { run.drain(); },
                   [](harness& run, bool ended) {
                     if (ended) return;
                     CHECK(run.count().held == 0);
                     CHECK(run.balanced());
                   });
}
