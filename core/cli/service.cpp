#include "cli/service.hpp"

#include "cli/notify.hpp"
#include "cli/output.hpp"
#include "control/commands.hpp"
#include "control/operations.hpp"
#include "control/server.hpp"
#include "control/tap_query.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/status.hpp"

#include <fmt/format.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

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

/// The "config" document: every value that holds, and where it came from.
std::string configuration_document(const config::pipeline_spec& of) {
  boost::json::array all = to_json(of.effective);
  for (const config::stage_spec& each : of.stages)
    for (boost::json::value& row : to_json(each.effective)) all.push_back(std::move(row));
  return boost::json::serialize(boost::json::object{{"config", std::move(all)}});
}

std::string in_one_line(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;)
    text.replace(at, 1, "; ");
  return text;
}

}  // namespace

struct service::parts {
  parts(service_options given, telemetry::log& to)
      : options{std::move(given)},
        log{to},
        door{io, options.control_socket},
        signals{io, SIGTERM, SIGINT, SIGUSR1},
        timer{io} {
    // A peer that is gone is an error of the write, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    signals.add(SIGHUP);
  }

  /// What the control socket and services read. Throws std::invalid_argument for a tap that cannot
  /// be.
  std::optional<std::string> document(std::string_view what, std::uint64_t after) const {
    if (what == "status") return telemetry::status_json(running->read(), running->events(after));
    if (what == "page") return telemetry::status_text(running->read(), running->events(after));
    if (what == "metrics") return telemetry::prometheus_text(running->read());
    if (what == "events") return telemetry::events_json(running->events(after));
    if (what == "operations") return told.document(after);
    if (what == "commands") return told.names();
    if (what == "config") return configuration_document(running->spec());
    if (constexpr std::string_view tap = "tap?"; what.starts_with(tap))
      return running->tap(control::parse_tap(what.substr(tap.size())), after);
    return std::nullopt;
  }

  void take_commands() {
    control::add_commands(told, *running, log);
    control::add_change_commands(told, *running, options.from);
    told.when_taken([this] { asio::post(io, [this] { told.run(); }); });
    told.when_ended([this](std::uint64_t number, std::string_view name, std::string_view by,
                           const control::outcome& how) {
      running->tell(how.done ? SLUICE_INFO : SLUICE_WARN, by, "operation",
                    fmt::format("{} {}: {}", number, name, in_one_line(how.text)));
      if (name == "reload") asio::post(io, [this] { manager.ready(); });
    });
  }

  /// What the control socket was asked for, or told.
  std::optional<std::string> answer(const control::request& asked) {
    if (asked.act.empty()) return document(asked.get, asked.after);
    const std::uint64_t number = told.take(asked.act, "control");
    told.run();
    return told.one(number);
  }

  void reload() {
    manager.reloading();
    try {
      told.take(R"({"do": "reload"})", "SIGHUP");
    } catch (const std::runtime_error& why) {
      log.write(SLUICE_WARN, "", fmt::format("SIGHUP: {}; nothing is changed", why.what()));
      manager.ready();
    }
  }

  void await_signal() {
    signals.async_wait([this](error_code failed, int number) {
      if (failed) return;
      if (number == SIGUSR1)
        dump();
      else if (number == SIGHUP)
        reload();
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
    door.stop();
    io.stop();
  }

  service_options options;
  telemetry::log& log;
  control::operations told;
  asio::io_context io{1};
  control::server door;
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
  parts_->take_commands();
  pipeline.answer_with(
      [this](std::string_view what, std::uint64_t after) { return parts_->document(what, after); },
      [this](std::string_view told, std::string_view by) { return parts_->told.take(told, by); });
  pipeline.start();
  parts_->door.serve([this](const control::request& asked) { return parts_->answer(asked); });
  parts_->manager.ready();
  parts_->await_tick();
  parts_->io.run();
}

}  // namespace sluice::cli
