// Pipelines of scripted stages, for the tests of the runtime: what a stage does is said by the
// test.
#pragma once

#include "runtime/call_scope.hpp"
#include "runtime/simulation.hpp"
#include "runtime/stage.hpp"

#include <sluice/stage.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::runtime::test {

constexpr std::int64_t ms = 1'000'000;

/// A record to push.
struct given {
  std::uint64_t key = 1;
  std::string text = "text";
  std::uint8_t priority = SLUICE_PRIORITY_NORMAL;
  float weight = 1;
  std::string schema = "test/1";
};

/// A record that reached a sink.
struct taken {
  std::uint64_t key, seq;
  std::uint32_t index;
  std::uint8_t priority;
  float weight;
  std::string text;
};

/// What one stage does. What is not said: keep, publish, ready, done at once.
struct script {
  std::optional<sluice::host> host;
  std::function<void(batch&)> process;
  std::function<void()> start;
  std::function<void(time_point)> timer;
  std::function<bool(time_point)> drain;
  std::function<std::uint32_t(std::uint32_t, duration)> ready;
  std::function<void(duration)> poll;
  std::function<void()> wake;
  std::function<std::uint32_t(std::uint64_t&)> permit;
  std::function<void(const sluice_call_result&)> result;
  std::function<bool()> closed;
  std::function<bool(std::uint32_t)> force;
  std::deque<given> waiting;  ///< source: pushed at its next timer
  std::vector<taken> got;     ///< sink

  void push_waiting() {
    std::vector<record> made;
    for (const given& each : waiting) {
      record next{};
      next.key = each.key;
      next.schema = host->schema(each.schema);
      next.priority = each.priority;
      next.weight = each.weight;
      next.received_ns = host->now().time_since_epoch().count();
      next.data = reinterpret_cast<const std::uint8_t*>(each.text.data());
      next.size = static_cast<std::uint32_t>(each.text.size());
      made.push_back(next);
    }
    host->push(made);
    waiting.clear();
  }
  void take(const record& each) {
    got.push_back({each.key,
                   each.seq,
                   each.index,
                   each.priority,
                   each.weight,
                   {reinterpret_cast<const char*>(each.data), each.size}});
  }
};

/// The scripts of the pipeline that is being created, by stage. A shard has its own.
using scripts = std::map<std::string, script, std::less<>>;
inline scripts* current_scripts = nullptr;

template <std::uint32_t Kind, std::uint32_t Capabilities = 0>
struct scripted {
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"scripted", "1.0.0", "Does what a test says.", Kind,
                                     Capabilities};
  scripted(const config&, sluice::host host)
      : script_{(*current_scripts)[std::string{host.stage()}]} {
    script_.host = host;
  }
  void start() {
    if (script_.start) script_.start();
  }
  void process(batch& records) {
    if (script_.process) return script_.process(records);
    if (Kind == SLUICE_SINK)
      for (const record& each : records) script_.take(each);
  }
  void on_timer(time_point now) {
    if (script_.timer) return script_.timer(now);
    if (Kind == SLUICE_SOURCE) script_.push_waiting();
  }
  bool drain(time_point deadline) { return script_.drain ? script_.drain(deadline) : true; }
  std::uint32_t ready(std::uint32_t queued, duration oldest) {
    return script_.ready ? script_.ready(queued, oldest) : SLUICE_BATCH_MAX;
  }
  void poll(duration wait) {
    if (script_.poll) script_.poll(wait);
  }
  void wake() {
    if (script_.wake) script_.wake();
  }
  std::uint32_t permit(time_point, std::uint64_t& permit) {
    return script_.permit ? script_.permit(permit) : +SLUICE_GUARD_ALLOW;
  }
  void result(const sluice_call_result& given) {
    if (script_.result) script_.result(given);
  }
  bool closed() const { return script_.closed ? script_.closed() : true; }
  bool force(std::uint32_t state) { return script_.force ? script_.force(state) : true; }

  script& script_;
};

inline constexpr std::uint32_t every_answer = SLUICE_CAN_ABSORB | SLUICE_CAN_HOLD | SLUICE_CAN_EMIT;
inline constexpr const sluice_plugin* source = &plugin_of<scripted<SLUICE_SOURCE>>;
inline constexpr const sluice_plugin* io_source =
    &plugin_of<scripted<SLUICE_SOURCE, SLUICE_CAN_IO>>;
inline constexpr const sluice_plugin* transform =
    &plugin_of<scripted<SLUICE_TRANSFORM, every_answer>>;
inline constexpr const sluice_plugin* plain = &plugin_of<scripted<SLUICE_TRANSFORM>>;
inline constexpr const sluice_plugin* sink = &plugin_of<scripted<SLUICE_SINK>>;
inline constexpr const sluice_plugin* service = &plugin_of<scripted<SLUICE_SERVICE>>;
inline constexpr const sluice_plugin* guard = &plugin_of<scripted<SLUICE_GUARD>>;

class no_values final : public config::values {
 public:
  const sluice_value* data() const override { return nullptr; }
  std::uint32_t size() const override { return 0; }
  const config::secret_reader* secret(std::uint64_t) const override { return nullptr; }
};

/// Builds a spec, then runs it in virtual time.
class rig {
 public:
  rig() {
    spec.name = "rig";
    spec.stages.reserve(64);
  }

  /// Inputs by name. A sink, or the guard before it, gets a queue; change it through the result.
  config::stage_spec& add(const std::string& name, const sluice_plugin* plugin,
                          std::initializer_list<std::string> from = {}) {
    config::stage_spec& made = spec.stages.emplace_back();
    made.name = name;
    made.plugin = plugin;
    made.settings = std::make_shared<no_values>();
    if (plugin->kind == SLUICE_TRANSFORM) made.fault_policy = config::on_fault::bypass;
    for (const std::string& each : from) made.inputs.push_back({number(each), {}});
    const bool guarded =
        !made.inputs.empty() && spec.stages[made.inputs.front().from].plugin->kind == SLUICE_GUARD;
    if (plugin->kind == SLUICE_GUARD || (plugin->kind == SLUICE_SINK && !guarded))
      made.queue = config::queue_spec{};
    return made;
  }
  script& operator[](const std::string& name) { return plays[name]; }

  void build(std::uint64_t seed = 1) {
    current_scripts = &plays;
    run.emplace(spec, seed, [this](std::uint32_t, std::string_view by, std::string_view text) {
      logged.push_back(std::string{by} + ": " + std::string{text});
    });
    run->settle();
  }
  /// Pushed by the source at once; all lanes run until they are idle.
  void give(std::initializer_list<given> records, const std::string& name = "source") {
    script& from = plays[name];
    from.waiting.insert(from.waiting.end(), records);
    wake(name);
    run->settle();
  }
  void give_many(std::uint32_t count, const given& each = {}) {
    plays["source"].waiting.assign(count, each);
    give({});
  }

  /// The test is the lane that calls the stage, as long as the scope lives.
  call_scope in_call(std::string_view name) {
    return {run->running().find(name)->object(), call_scope::tag::lane};
  }
  /// Its timer is due at the next step.
  void wake(const std::string& name, time_point when = time_point{}) {
    const call_scope here = in_call(name);
    plays[name].host->wake_at(when);
  }

  stage_state state(std::string_view name) const {
    for (const stage_state& each : run->read().stages)
      if (each.name == name) return each;
    throw std::out_of_range{"no stage " + std::string{name}};
  }
  /// A rest point: every stage and the whole add up.
  void check_balance() const {
    const snapshot now = run->read();
    CHECK(now.imbalance == 0);
    for (const stage_state& each : now.stages) {
      INFO(each.name);
      CHECK(each.imbalance == 0);
      CHECK(each.count.balance() == static_cast<std::int64_t>(each.held));
    }
  }
  /// "key:seq" of what a sink took, and forgets it.
  std::string words(const std::string& name = "sink") {
    std::string made;
    for (const taken& each : plays[name].got)
      made += (made.empty() ? "" : " ") + std::to_string(each.key) + ":" + std::to_string(each.seq);
    plays[name].got.clear();
    return made;
  }
  std::uint64_t dropped(std::string_view name, std::uint32_t reason) const {
    return state(name).count.dropped[reason];
  }
  std::string last_event(std::string_view name) {
    std::string found;
    for (const event& each : run->running().events(0))
      if (each.stage == name) found = each.kind + ": " + each.message;
    return found;
  }
  bool drain(std::int64_t limit_ns = 5'000 * ms) {
    run->running().begin_drain(limit_ns);
    return run->advance_until([&] { return run->running().stopped(); }, limit_ns + 1000 * ms);
  }

  config::pipeline_spec spec;
  scripts plays;
  std::vector<std::string> logged;
  std::optional<simulation> run;

 private:
  std::uint32_t number(const std::string& name) const {
    for (std::uint32_t i = 0; i < spec.stages.size(); ++i)
      if (spec.stages[i].name == name) return i;
    throw std::out_of_range{"no stage " + name};
  }
};

}  // namespace sluice::runtime::test
