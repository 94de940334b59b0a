#include "runtime/pipeline.hpp"

#include "runtime/engine.hpp"

#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

namespace sluice::runtime {

namespace {

constexpr auto create_limit = std::chrono::seconds{10};

/// Plugin code that may hang runs on a worker; one that does is left behind.
struct hung : std::runtime_error {
  using runtime_error::runtime_error;
};

void create_within_limit(stage& made) {
  std::packaged_task<void()> task{[&made] { made.create(); }};
  std::future<void> done = task.get_future();
  std::thread worker{std::move(task)};
  if (done.wait_for(create_limit) == std::future_status::ready) {
    worker.join();
    return done.get();
  }
  worker.detach();
  throw hung{std::string{made.label()} + ": create did not return within 10 s"};
}

}  // namespace

struct pipeline::parts {
  parts(config::pipeline_spec spec, const clock& time, logger log)
      : running{std::move(spec), time, std::move(log), true} {}

  engine running;
  std::vector<std::thread> threads;
};

pipeline::pipeline(config::pipeline_spec spec, const clock& time, logger log)
    : parts_{std::make_unique<parts>(std::move(spec), time, std::move(log))} {
  try {
    parts_->running.create_stages(create_within_limit);
  } catch (const hung&) {
    // The worker still uses the stage: what it hangs in must outlive it.
    static_cast<void>(parts_.release());
    throw;
  }
}

pipeline::~pipeline() {
  if (!parts_->threads.empty() && !parts_->running.stopped()) parts_->running.stop_now();
  for (std::thread& each : parts_->threads) each.join();
}

void pipeline::answer_with(document_reader reader) {
  parts_->running.answer_with(std::move(reader));
}

void pipeline::start() {
  for (const auto& each : parts_->running.lanes()) {
    parts_->threads.emplace_back([&lane = *each] {
      while (!lane.finished())
        if (!lane.step() && !lane.finished()) lane.wait(SLUICE_NEVER / 2);
    });
  }
  parts_->running.mark_running();
}

void pipeline::tick() { parts_->running.tick(); }
void pipeline::begin_drain() { parts_->running.begin_drain(); }
sluice_status pipeline::force_guard(std::string_view stage, std::uint32_t state) {
  return parts_->running.force_guard(stage, state);
}
void pipeline::stop_now() { parts_->running.stop_now(); }
bool pipeline::stopped() const { return parts_->running.stopped(); }
bool pipeline::drained_with_loss() const { return parts_->running.drained_with_loss(); }
snapshot pipeline::read() const { return parts_->running.read(stopped()); }
std::vector<event> pipeline::events(std::uint64_t after) const {
  return parts_->running.events(after);
}

}  // namespace sluice::runtime
