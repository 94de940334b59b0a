// A pipeline as checked and resolved from its file: what the runtime builds from. Plain data.
#pragma once

#include <sluice/abi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// Resolves a secret's text ("${env}", "${file:...}", "${redis:...}") anew at each call.
struct secret_reader {
  /// Throws std::runtime_error with a reason that never contains the secret; redis_unreachable
  /// (redis_key.hpp) if it may be another time what it was. Any thread.
  std::function<std::string()> read;
  /// Reading blocks, so not in a lane: the same text is the same secret. Empty: it does not.
  std::string remote;
  /// As it was written: the same text is the same secret. May hold the secret itself, so it is
  /// compared and never shown.
  std::string text;
};

/// A stage's checked values in the order of its plugin's rows, with the storage they point into.
/// Immutable and shared once built.
class values {
 public:
  virtual ~values() = default;
  virtual const sluice_value* data() const = 0;
  virtual std::uint32_t size() const = 0;
  /// By sluice_value.secret; null for an unknown handle.
  virtual const secret_reader* secret(std::uint64_t handle) const = 0;
};

/// A value and where it came from, for people. Secrets and passwords are masked; a string that
/// came from outside the file stands as the file refers to it, for it may be one in the wrong
/// place.
struct effective_value {
  std::string owner;  ///< "pipeline", "level", or a stage's name
  std::string key;    ///< "queue.records"
  std::string value;  ///< as one would write it
  /// "default", "ticker.toml:7:1", "ticker.toml:7:1 (environment KITE_API_KEY)",
  /// "environment REDIS_URL", ".env:3 REDIS_URL", "not set".
  std::string origin;
};

/// "source", "transform", "sink", "guard", "service".
inline const char* kind_name(std::uint32_t kind) {
  constexpr const char* names[] = {"source", "transform", "sink", "guard", "service"};
  return kind <= SLUICE_SERVICE ? names[kind] : "unknown";
}

enum class when_full : std::uint8_t { drop_oldest, drop_newest, conflate, block };

/// "drop_oldest", ...
inline const char* policy_name(when_full policy) {
  constexpr std::array names = {"drop_oldest", "drop_newest", "conflate", "block"};
  return names[static_cast<std::size_t>(policy)];
}

struct queue_spec {
  std::uint32_t records = 10'000;
  std::uint64_t bytes = 16u << 20;
  when_full policy = when_full::drop_oldest;
  std::int64_t max_delay_ns = 0;  ///< 0: off
  bool operator==(const queue_spec&) const = default;
};

/// What passes an edge: all conditions must hold; an empty list holds.
struct where_spec {
  struct attribute {
    std::string name;
    std::vector<std::string> values;  ///< any of these
    bool operator==(const attribute&) const = default;
  };
  std::vector<std::uint8_t> priorities;
  std::vector<std::string> schemas;
  std::vector<attribute> attributes;
  bool empty() const { return priorities.empty() && schemas.empty() && attributes.empty(); }
  bool operator==(const where_spec&) const = default;
};

struct edge_spec {
  std::uint32_t from = 0;  ///< index in pipeline_spec::stages, always lower than the stage's own
  where_spec where;
};

enum class on_fault : std::uint8_t { bypass, stop };

struct stage_spec {
  std::string name;
  const sluice_plugin* plugin = nullptr;  ///< kept loaded by `library`
  std::shared_ptr<const void> library;
  std::shared_ptr<const values> settings;
  std::vector<edge_spec> inputs;             ///< empty for sources and services
  std::optional<queue_spec> queue;           ///< the stage begins a lane; always set for what
                                             ///< begins the guard-and-sink tail of a sink
  std::uint32_t shards = 1;                  ///< copies of a sink's lane, split by key
  std::uint32_t hold = 65'536;               ///< most records its store holds (SLUICE_CAN_HOLD)
  on_fault fault_policy = on_fault::stop;    ///< transforms, guards: bypass by default
  bool bypassed = false;                     ///< switched off by the file or a variable
  std::vector<effective_value> effective{};  ///< its values and those of the host's keys
};

enum class level_mode : std::uint8_t { never, monitor, enforce };

/// Thresholds to enter WARNING, CRITICAL, OVERLOAD, by the requirement's table, and what it takes
/// to leave them.
struct level_spec {
  level_mode mode = level_mode::enforce;
  double ratio[3] = {0.95, 0.80, 0.50};
  std::int64_t latency_ns[3] = {10'000'000, 50'000'000, 200'000'000};
  std::uint64_t pending[3] = {100, 500, 2'000};
  double ratio_exit[3] = {0.98, 0.90, 0.58};
  double exit_share = 0.7;  ///< of the latency and pending that enter it
  std::int64_t hold_ns = 2'000'000'000, hold_max_ns = 16'000'000'000;
  std::int64_t relapse_ns = 60'000'000'000;
};

/// Of a plugin that is loaded for its codecs alone.
struct codecs_spec {
  std::string plugin;                    ///< as the file names it
  const sluice_plugin* found = nullptr;  ///< kept loaded by `library`
  std::shared_ptr<const void> library;
};

struct node;

struct pipeline_spec {
  std::string name;
  std::string file;  ///< where it came from, for messages
  /// As read, before any variable: what a swap is an edit of. Null if it was not read.
  std::shared_ptr<const node> document;
  std::string hash;  ///< of the resolved file, hexadecimal
  std::string metrics_prefix = "ticker";
  std::uint32_t max_keys = 16'384;
  std::int64_t drain_limit_ns = 10'000'000'000;
  std::vector<codecs_spec> codecs;  ///< beside those of the stages
  level_spec level;
  std::int64_t window_ns = 60'000'000'000;   ///< of latencies; the shorter window is 1 s
  std::vector<effective_value> effective{};  ///< of [pipeline] and [level]
  /// In topological order, as their tables stand; services last.
  std::vector<stage_spec> stages;
};

}  // namespace sluice::config
