#include "runtime/pipeline.hpp"

#include "plugin/within_limit.hpp"
#include "runtime/change/change_thread.hpp"
#include "runtime/engine.hpp"
#include "runtime/tap/taps.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <new>
#include <string>
#include <thread>

namespace sluice::runtime {

struct pipeline::parts {
  parts(config::pipeline_spec spec, const clock& time, const logger& to)
      : log{to},
        running{std::move(spec), time, to, true},
        changes{running, [this](lane& begun) { step(begun); },
                [this](lane& ended) {
                  const auto found = threads.find(&ended);
                  found->second.join();
                  threads.erase(found);
                }},
        taps{running} {
    running.retire_to(
        [this](std::unique_ptr<plugin_object> old) { changes.retire(std::move(old)); });
  }

  /// On a thread of its own, until it has finished.
  void step(lane& of) {
    threads.emplace(&of, [this, &of] {
      try {
        while (!of.finished())
          if (!of.step() && !of.finished()) of.wait(SLUICE_NEVER / 2);
      } catch (const std::exception& why) {
        give_up(of, why);
      }
    });
  }

  /// The core itself failed in a lane, for want of memory: where its records are nobody knows.
  /// As after a crash, whoever supervises the process starts it anew.
  [[noreturn]] void give_up(const lane& of, const std::exception& why) const {
    const bool memory = dynamic_cast<const std::bad_alloc*>(&why) != nullptr;
    log(SLUICE_ERROR, of.stages().front()->label(),
        std::string{"its lane cannot go on, and the process ends: "} +
            (memory ? "out of memory" : why.what()));
    std::fflush(nullptr);
    std::_Exit(EXIT_FAILURE);
  }

  void create_stages() {
    running.create_stages([](stage& made) {
      plugin::within_limit(std::string{made.label()} + ": create", [&made] { made.create(); });
    });
  }

  /// False: one hangs in it, told.
  bool destroy_stages() {
    bool all = true;
    running.destroy_stages([&](stage& made) {
      try {
        plugin::within_limit("destroy", [&made] { made.destroy(); });
      } catch (const std::exception& why) {
        log(SLUICE_ERROR, made.label(), why.what());
        all = false;
      }
    });
    return all;
  }

  const logger log;
  engine running;
  std::map<const lane*, std::thread> threads;  // the change thread's, as long as that runs
  change_thread changes;
  runtime::taps taps;
};

pipeline::pipeline(config::pipeline_spec spec, const clock& time, logger log)
    : parts_{std::make_unique<parts>(std::move(spec), time, log)} {
  try {
    parts_->create_stages();
  } catch (const plugin::hung&) {
    // The worker still uses the stage: what it hangs in must outlive it.
    static_cast<void>(parts_.release());
    throw;
  } catch (...) {
    end_stages();
    throw;
  }
}

pipeline::~pipeline() {
  if (!parts_->threads.empty() && !parts_->running.stopped()) parts_->running.stop_now();
  parts_->changes.stop();
  for (auto& [of, thread] : parts_->threads) thread.join();
  parts_->changes.stop();  // what they have retired since
  parts_->taps.stop();
  end_stages();
}

/// As after a create that hangs, and so after any other call that does.
void pipeline::end_stages() {
  if (!parts_->destroy_stages() || plugin::left_behind) static_cast<void>(parts_.release());
}

void pipeline::answer_with(document_reader reader, command_taker taker) {
  parts_->running.answer_with(std::move(reader), std::move(taker));
}

void pipeline::start() {
  for (const auto& each : parts_->running.lanes()) parts_->step(*each);
  parts_->changes.start();
  parts_->taps.start();
  parts_->running.mark_running();
}

void pipeline::tick() { parts_->running.tick(); }
void pipeline::begin_drain() { parts_->running.begin_drain(); }
sluice_status pipeline::force_guard(std::string_view stage, std::uint32_t state) {
  return parts_->running.force_guard(stage, state);
}
void pipeline::force_level(std::optional<std::uint32_t> to) { parts_->running.force_level(to); }
void pipeline::change(config_maker next, change_options with,
                      std::function<void(const receipt&)> told) {
  parts_->changes.change(std::move(next), std::move(with), std::move(told));
}
void pipeline::confirm(std::function<void(bool)> told) { parts_->changes.confirm(std::move(told)); }
void pipeline::tell(std::uint32_t severity, std::string_view stage, std::string_view kind,
                    std::string_view message) {
  parts_->running.tell(severity, stage, kind, message);
}
void pipeline::stop_now() { parts_->running.stop_now(); }
bool pipeline::stopped() const { return parts_->running.stopped(); }
bool pipeline::drained_with_loss() const { return parts_->running.drained_with_loss(); }
config::pipeline_spec pipeline::spec() const { return parts_->running.spec(); }
snapshot pipeline::read() const { return parts_->running.read(stopped()); }
std::vector<event> pipeline::events(std::uint64_t after) const {
  return parts_->running.events(after);
}
std::string pipeline::tap(const tap_question& asked, std::uint64_t after) {
  return parts_->taps.read(asked, after);
}

}  // namespace sluice::runtime
