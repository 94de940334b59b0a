#include "cli/service.hpp"

#include "cli/breaker.hpp"
#include "cli/control_server.hpp"
#include "cli/notify.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/status.hpp"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <csignal>
#include <sstream>
#include <stdexcept>

namespace sluice::cli {
namespace {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

constexpr auto tick_interval = std::chrono::milliseconds{100};
// A terminal or a supervisor may deliver one wish twice, to the process and to its group.
constexpr auto one_signal = std::chrono::milliseconds{200};
constexpr int ticks_per_second = 10;

/// What the control socket and services read.
std::optional<std::string> document(const runtime::pipeline& of, std::string_view what,
                                    std::uint64_t after) {
  if (what == "status") return telemetry::status_json(of.read(), of.events(after));
  if (what == "page") return telemetry::status_text(of.read(), of.events(after));
  if (what == "metrics") return telemetry::prometheus_text(of.read());
  if (what == "events") return telemetry::events_json(of.events(after));
  return std::nullopt;
}

/// Does what the control socket was told to. Throws std::runtime_error with what is allowed.
std::optional<std::string> act(runtime::pipeline& on, const request& told) {
  if (told.act != "breaker") return std::nullopt;
  const std::optional<std::uint32_t> state = guard_state(told.state);
  if (!state)
    throw std::runtime_error{
        fmt::format("a breaker cannot be told \"{}\"; allowed are {}", told.state, guard_states)};
  if (on.force_guard(told.stage, *state) != SLUICE_OK)
    throw std::runtime_error{told.stage.empty()
                                 ? "the pipeline has no breaker"
                                 : fmt::format("\"{}\" is no breaker of the pipeline", told.stage)};
  return fmt::format("{}: told {}\n", told.stage.empty() ? "every breaker" : told.stage,
                     told.state);
}

}  // namespace

struct service::parts {
  parts(service_options given, telemetry::log& to)
      : options{std::move(given)},
        log{to},
        control{io, options.control_socket},
        signals{io, SIGTERM, SIGINT, SIGUSR1},
        timer{io} {
    // A peer that is gone is an error of the write, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    signals.add(SIGHUP);
  }

  void await_signal() {
    signals.async_wait([this](error_code failed, int number) {
      if (failed) return;
      if (number == SIGUSR1)
        dump();
      else if (number == SIGHUP)
        log.write(SLUICE_WARN, "", "SIGHUP: this version cannot reload; nothing is changed");
      else
        end(number);
      await_signal();
    });
  }

  void end(int number) {
    const char* name = number == SIGINT ? "SIGINT" : "SIGTERM";
    const auto now = std::chrono::steady_clock::now();
    if (draining && now - first_signal < one_signal) return;
    if (draining) {
      log.write(SLUICE_WARN, "", fmt::format("{} again: stopping at once", name));
      return running->stop_now();
    }
    draining = true;
    first_signal = now;
    log.write(SLUICE_INFO, "",
              fmt::format("{}: draining, {} at most; a second signal stops at once", name,
                          telemetry::short_time(options.drain_limit_ns)));
    manager.stopping();
    running->begin_drain();
  }

  void dump() {
    std::istringstream page{telemetry::status_text(running->read(), running->events(0))};
    for (std::string line; std::getline(page, line);)
      if (!line.empty()) log.write(SLUICE_INFO, "status", line);
  }

  void await_tick() {
    timer.expires_at(next);
    timer.async_wait([this](error_code failed) {
      if (failed) return;
      tick();
      if (running->stopped()) return finish();
      // A tick that is late is not made up for.
      next = std::max(next + tick_interval, std::chrono::steady_clock::now());
      await_tick();
    });
  }

  void tick() {
    running->tick();
    manager.alive(std::chrono::steady_clock::now());
    if (++ticks % ticks_per_second == 0) {
      log.tick();
      if (manager.listens()) manager.status(telemetry::status_line(running->read()));
    }
    since_line += tick_interval;
    if (options.status_every_ns == 0 || since_line.count() < options.status_every_ns) return;
    since_line = {};
    log.write(SLUICE_INFO, "status", telemetry::status_line(running->read()));
  }

  void finish() {
    signals.cancel();
    control.stop();
    io.stop();
  }

  service_options options;
  telemetry::log& log;
  asio::io_context io{1};
  control_server control;
  asio::signal_set signals;
  asio::steady_timer timer;
  service_manager manager;
  std::chrono::steady_clock::time_point next = std::chrono::steady_clock::now();
  std::chrono::nanoseconds since_line{};
  runtime::pipeline* running = nullptr;
  std::uint64_t ticks = 0;
  bool draining = false;
  std::chrono::steady_clock::time_point first_signal;
};

service::service(service_options options, telemetry::log& log)
    : parts_{std::make_unique<parts>(std::move(options), log)} {}
service::~service() = default;

void service::run(runtime::pipeline& pipeline) {
  parts_->running = &pipeline;
  parts_->await_signal();
  pipeline.answer_with([&pipeline](std::string_view what, std::uint64_t after) {
    return document(pipeline, what, after);
  });
  pipeline.start();
  parts_->control.serve([&pipeline](const request& asked) {
    return asked.act.empty() ? document(pipeline, asked.get, asked.after) : act(pipeline, asked);
  });
  parts_->manager.ready();
  parts_->await_tick();
  parts_->io.run();
}

}  // namespace sluice::cli
