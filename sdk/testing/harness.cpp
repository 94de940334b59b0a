#include "config/load.hpp"
#include "probes.hpp"
#include "runtime/call_scope.hpp"
#include "runtime/change/exchange.hpp"
#include "runtime/change/lane_job.hpp"
#include "runtime/engine.hpp"
#include "runtime/stage.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sluice::testing {

namespace {

/// Settings of a stage without keys.
class no_values final : public config::values {
 public:
  const sluice_value* data() const override { return nullptr; }
  std::uint32_t size() const override { return 0; }
  const config::secret_reader* secret(std::uint64_t) const override { return nullptr; }
};

config::stage_spec stage_of(std::string name, const sluice_plugin& plugin,
                            std::shared_ptr<const config::values> settings) {
  config::stage_spec made;
  made.name = std::move(name);
  made.plugin = &plugin;
  made.settings = std::move(settings);
  if (plugin.kind == SLUICE_TRANSFORM) made.fault_policy = config::on_fault::bypass;
  return made;
}

config::environment environment_of(const options& with) {
  return [variables = with.environment](std::string_view name) -> std::optional<std::string> {
    for (const auto& [variable, value] : variables)
      if (variable == name) return value;
    return std::nullopt;
  };
}

config::pipeline_spec pipeline_of(const sluice_plugin& plugin, std::string_view settings,
                                  const options& with) {
  const auto nothing = std::make_shared<no_values>();
  config::pipeline_spec made;
  made.name = "harness";
  const auto follow = [&](config::stage_spec next) {
    if (!made.stages.empty())
      next.inputs.push_back({static_cast<std::uint32_t>(made.stages.size() - 1), {}});
    made.stages.push_back(std::move(next));
  };
  const bool alone = plugin.kind == SLUICE_SERVICE;
  if (!alone && plugin.kind != SLUICE_SOURCE) follow(stage_of("feed", plugin_of<feed>, nothing));
  follow(stage_of(std::string{view(plugin.name)}, plugin,
                  config::load_settings(plugin, settings, environment_of(with))));
  config::queue_spec queue;
  queue.records = with.queue.value_or(queue.records);
  const std::uint32_t behind = with.queue.value_or(1u << 16);
  if (plugin.kind == SLUICE_SINK || plugin.kind == SLUICE_GUARD) made.stages.back().queue = queue;
  if (!alone && plugin.kind != SLUICE_SINK) {
    follow(stage_of("collector", plugin_of<collector>, nothing));
    if (plugin.kind != SLUICE_GUARD)
      made.stages.back().queue = config::queue_spec{behind, 64u << 20};
  }
  return made;
}

const char* severity_name(std::uint32_t severity) {
  static constexpr const char* names[] = {"debug", "info", "warn", "error"};
  return names[std::min<std::uint32_t>(severity, SLUICE_ERROR)];
}

}  // namespace

struct harness::parts {
  parts(const sluice_plugin& plugin, std::string_view settings, const options& with)
      : real{with.real_time},
        label{view(plugin.name)},
        variables{environment_of(with)},
        running{pipeline_of(plugin, settings, with), clock(),
                [this](std::uint32_t severity, std::string_view by, std::string_view text) {
                  if (by == label) logged.push_back({severity_name(severity), std::string{text}});
                },
                false} {
    const at_bench here{probes};
    running.answer_with(
        [this](std::string_view what, std::uint64_t) {
          const auto found = documents.find(what);
          return found == documents.end() ? std::nullopt : std::optional{found->second};
        },
        [this](std::string_view request, std::string_view) {
          commands.emplace_back(request);
          return ++last_command;
        });
    running.create_stages([](runtime::stage& made) { made.create(); });
    under_test = running.find(label);
    settle();
  }

  const runtime::clock& clock() const {
    return real ? static_cast<const runtime::clock&>(system_time) : virtual_time;
  }

  bool step_all() {
    bool worked = false;
    for (const auto& each : running.lanes())
      if (!each->finished() && each->may_step()) worked |= each->step();
    return worked;
  }
  /// Bounded, for in real time a source may never be idle.
  void settle() {
    for (int i = 0; i < 100'000 && step_all(); ++i) {
    }
  }
  std::int64_t next_timer() const {
    std::int64_t next = SLUICE_NEVER;
    for (const auto& each : running.lanes())
      if (!each->finished() && each->may_step()) next = std::min(next, each->next_timer());
    return next;
  }
  bool run_until(const std::function<bool()>& done, std::int64_t limit_ns) {
    const std::int64_t limit = clock().now() + limit_ns;
    while (true) {
      const bool worked = step_all();
      if (done()) return true;
      const std::int64_t now = clock().now();
      if (worked && now < limit) continue;
      if (now >= limit) return false;
      if (real) {
        for (const auto& each : running.lanes())
          if (!each->finished()) each->wait(1'000'000);
      } else {
        virtual_time.advance_to(std::max(now + 1, std::min(limit, next_timer())));
      }
    }
  }
  runtime::stage_state state() const {
    const runtime::snapshot all = running.read(true);
    return *std::find_if(all.stages.begin(), all.stages.end(),
                         [&](const auto& each) { return each.name == label; });
  }

  /// The test is the lane that calls the probe, as long as the scope lives.
  runtime::call_scope as_source() {
    return {running.find("feed")->object(), runtime::call_scope::tag::lane};
  }
  runtime::engine::place place() const { return running.places(label).front(); }
  /// Between two batches of the stage's lane.
  void in_lane(const std::function<void()>& what) {
    if (!place().in->running()) throw std::runtime_error{"the stage has ended"};
    std::exception_ptr failed;
    runtime::in_lane(changes, *place().in, [&] {
      try {
        what();
      } catch (...) {
        failed = std::current_exception();
      }
      return true;
    });
    if (failed) std::rethrow_exception(failed);
    settle();
  }

  const bool real;
  const std::string label;
  const config::environment variables;
  runtime::virtual_clock virtual_time;
  runtime::system_clock system_time;
  bench probes;
  std::map<std::string, std::string, std::less<>> documents;
  std::vector<std::string> commands;
  std::uint64_t last_command = 0;
  std::vector<message> logged;
  std::uint64_t last_event = 0;
  runtime::engine running;
  /// A call is just made, and waiting is stepping.
  const runtime::change_host changes{
      [this](const std::function<bool()>& done, std::int64_t limit) {
        return run_until(done, limit);
      },
      [](const std::string&, std::int64_t, const std::function<void()>& call) { call(); },
      [](runtime::lane&) {}, [](runtime::lane&) {}};
  runtime::stage* under_test = nullptr;
};

harness::harness(const sluice_plugin& plugin, std::string_view settings, const options& with)
    : parts_{std::make_unique<parts>(plugin, settings, with)} {}
harness::~harness() = default;
harness::harness(harness&&) noexcept = default;

void harness::attributes(
    const std::vector<std::string>& names,
    const std::vector<std::pair<std::uint64_t, std::vector<std::string>>>& rows) {
  if (parts_->probes.source == nullptr)
    throw std::logic_error{"attributes: a source publishes its own"};
  const runtime::call_scope here = parts_->as_source();
  parts_->probes.source->attributes(names, rows);
}

void harness::push(std::span<const input> records) {
  if (parts_->probes.source == nullptr)
    throw std::logic_error{"push: a source or a service takes no input"};
  {
    const runtime::call_scope here = parts_->as_source();
    parts_->probes.source->give(records);
  }
  parts_->settle();
}

time_point harness::now() const { return time_point{duration{parts_->clock().now()}}; }

void harness::advance(duration by) {
  parts_->run_until([] { return false; }, by.count());
}

bool harness::run_until(const std::function<bool()>& done, duration limit) {
  return parts_->run_until(done, limit.count());
}

void harness::pressure(const sluice_pressure& now) {
  for (const auto& each : parts_->running.lanes())
    for (const auto& one : each->stages()) each->set_pressure(*one, now);
}

void harness::stall(bool on) {
  parts_->probes.stalled = on;
  parts_->settle();
}

void harness::document(std::string_view what, std::string text) {
  parts_->documents.insert_or_assign(std::string{what}, std::move(text));
}

std::vector<std::string> harness::commands() { return std::exchange(parts_->commands, {}); }

void harness::fail_host_call(std::uint64_t nth) { parts_->under_test->fail_host_call(nth); }

std::vector<output> harness::outputs() { return std::exchange(parts_->probes.outputs, {}); }

std::vector<message> harness::events() {
  std::vector<message> found;
  for (const runtime::event& each : parts_->running.events(parts_->last_event)) {
    parts_->last_event = each.number;
    if (each.stage == parts_->label) found.push_back({each.kind, each.message});
  }
  return found;
}

std::vector<message> harness::logs() { return std::exchange(parts_->logged, {}); }

counts harness::count() const {
  const runtime::stage_state state = parts_->state();
  counts made{state.count.created,  state.count.in,     state.count.out,     state.count.published,
              state.count.absorbed, state.count.failed, state.count.unknown, state.held};
  std::copy(state.count.dropped.begin(), state.count.dropped.end(), made.dropped);
  return made;
}

double harness::metric(std::string_view name) const {
  for (const runtime::metric_value& each : parts_->state().metrics)
    if (each.name == name) return each.value;
  throw std::out_of_range{"no metric " + std::string{name}};
}

std::vector<signal> harness::signals() const {
  std::vector<signal> found;
  for (const runtime::signal_state& each : parts_->under_test->signals())
    found.push_back({each.name, static_cast<level>(each.level), each.cause});
  return found;
}

std::uint64_t harness::faults() const { return parts_->state().faults; }

bool harness::balanced() const { return parts_->running.read(true).imbalance == 0; }

void harness::swap(const sluice_plugin& next, std::string_view settings) {
  runtime::stage& stage = *parts_->under_test;
  if (!stage.is(next.kind))
    throw std::runtime_error{"a " + std::string{config::kind_name(next.kind)} +
                             " cannot take the place of a " +
                             config::kind_name(stage.plugin().kind)};
  if (!parts_->place().in->running()) throw std::runtime_error{"the stage has ended"};
  config::stage_spec spec = stage.spec();
  spec.plugin = &next;
  spec.settings = config::load_settings(next, settings, parts_->variables);
  runtime::candidate made{stage, spec, parts_->changes};
  made.create();
  if (stage.is(SLUICE_SINK)) made.connect();
  runtime::stage_receipt told;
  bool touched = false;
  runtime::exchange(parts_->changes, parts_->place(), made, told, false,
                    config::pipeline_spec{}.drain_limit_ns, touched);
  parts_->settle();
}

std::vector<std::uint8_t> harness::state() {
  runtime::stage& stage = *parts_->under_test;
  if (stage.object().state_schema().empty()) throw std::runtime_error{"the stage has no state"};
  std::vector<std::uint8_t> bytes;
  parts_->in_lane([&] {
    if (!stage.save_state(bytes))
      throw std::runtime_error{"export_state: " + std::string{stage.error()}};
  });
  return bytes;
}

void harness::reconfigure(std::string_view settings) {
  runtime::stage& stage = *parts_->under_test;
  if (stage.object().swap() == nullptr || stage.object().swap()->reconfigure == nullptr)
    throw std::runtime_error{"the plugin has no reconfigure"};
  config::stage_spec next = stage.spec();
  next.settings = config::load_settings(stage.plugin(), settings, parts_->variables);
  parts_->in_lane([&] {
    if (!stage.reconfigure(next)) throw std::runtime_error{std::string{stage.error()}};
  });
}

bool harness::drain(duration limit) {
  const std::int64_t deadline = parts_->clock().now() + limit.count();
  parts_->running.begin_drain(limit.count());
  // Beyond the deadline the lanes end by themselves.
  parts_->run_until([&] { return parts_->running.stopped(); }, limit.count() + 1'000'000'000);
  return parts_->clock().now() < deadline;
}

}  // namespace sluice::testing
