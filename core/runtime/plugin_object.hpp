// One object of a plugin, and the host as it sees it. A swap puts another into its stage.
#pragma once

#include "config/pipeline.hpp"
#include "runtime/snapshot.hpp"

#include <sluice/abi.h>
#include <sluice/ext/guard.h>
#include <sluice/ext/metrics.h>
#include <sluice/ext/swap.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::runtime {

class stage;

/// What a source says of its keys.
struct attribute_rows {
  std::vector<std::string> names;
  std::vector<std::pair<std::uint64_t, std::vector<std::string>>> rows;  // key, values by name
};

class plugin_object {
 public:
  /// Keeps plugin and settings of `spec` alive.
  plugin_object(stage& owner, const config::stage_spec& spec);
  ~plugin_object();
  plugin_object(const plugin_object&) = delete;
  plugin_object& operator=(const plugin_object&) = delete;

  /// [control] Throws std::runtime_error with the plugin's reason.
  void create();
  /// [control] Gives it back, if it is there; the last call.
  void destroy();

  stage& owner() const { return owner_; }
  const sluice_plugin& plugin() const { return *plugin_; }
  const config::values& settings() const { return *settings_; }
  /// Other values; returns those before.
  std::shared_ptr<const config::values> take_settings(std::shared_ptr<const config::values> next) {
    return std::exchange(settings_, std::move(next));
  }
  /// What the plugin made; its functions take it.
  void* self() const { return self_; }
  bool can(std::uint32_t capability) const { return (plugin_->capabilities & capability) != 0; }
  /// Its table, null if it has none.
  const sluice_guard* guard() const { return guard_; }
  const sluice_swap* swap() const { return swap_; }
  /// The schema of its state; empty: it has none.
  std::string_view state_schema() const;
  bool reads(std::string_view schema) const;
  /// [control] once, after create. Throws std::runtime_error naming plugin and step.
  void self_test();
  /// [control] or in the lane, before start. Throws std::runtime_error naming plugin and step.
  void import(std::string_view schema, const std::vector<std::uint8_t>& state);
  /// "adaptive_sampler 1.0.0".
  std::string title() const;

  /// In the lane.
  std::int64_t wake_time = SLUICE_NEVER;
  /// Published while another object was in the stage: for when this one is.
  std::optional<attribute_rows> later;

  /// [any]
  std::uint32_t add_metric(std::uint32_t kind, std::string_view name, std::string_view doc);
  void set_metric(std::uint32_t number, double value) {
    if (number < SLUICE_METRICS_MAX) values_[number].store(value, std::memory_order_relaxed);
  }
  std::vector<metric_value> metrics() const;
  /// [any] SLUICE_FULL: too many.
  sluice_status set_signal(std::string_view name, std::uint32_t level, std::string_view cause);
  /// [any] Those above HEALTHY.
  std::vector<signal_state> signals() const;
  void forget_signals();
  /// [any] A host call it may not make there. False: it was told of this one before.
  bool first_misuse(const char* call);

  /// The object that a host call is about.
  static plugin_object& of(const sluice_host* host) {
    return *static_cast<const host_table*>(host)->object;
  }

 private:
  friend struct host_calls;

  /// What the plugin holds; host calls find their object through it.
  struct host_table : sluice_host {
    plugin_object* object = nullptr;
  };
  struct metric {
    std::string name, doc;
    std::uint32_t kind;
  };

  void fill_host_table();

  stage& owner_;
  const sluice_plugin* const plugin_;
  const std::shared_ptr<const void> library_;
  std::shared_ptr<const config::values> settings_;
  const sluice_guard* guard_ = nullptr;
  const sluice_swap* swap_ = nullptr;
  host_table host_{};
  void* self_ = nullptr;

  mutable std::mutex mutex_;
  std::vector<metric> metrics_;
  std::vector<signal_state> signals_;
  std::vector<std::string_view> misused_;  // calls, by name
  std::array<std::atomic<double>, SLUICE_METRICS_MAX> values_{};
};

/// Adds the counters of `from` to those of `to` of the same name.
void add_counters(std::vector<metric_value>& to, const std::vector<metric_value>& from);

}  // namespace sluice::runtime
