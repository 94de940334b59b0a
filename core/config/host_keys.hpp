// The keys of a pipeline file that are the host's own, as rows like a plugin's: the same code
// checks, documents and describes them.
#pragma once

#include "config/pipeline.hpp"

#include <sluice/config.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

struct pipeline_keys {
  std::optional<std::string> name;
  std::string metrics_prefix;
  std::uint32_t max_keys = 0;
  duration drain_limit{};
  std::vector<std::string> codecs;

  static constexpr auto fields = sluice::fields(
      field<&pipeline_keys::name>("name",
                                  "What the pipeline is called; the file's name unless given."),
      field<&pipeline_keys::metrics_prefix>(
          "metrics_prefix", "Begins the names of the metrics of the whole pipeline.")
          .by_default("ticker"),
      field<&pipeline_keys::max_keys>(
          "max_keys", "Most different keys of all sources; records of further keys are dropped.")
          .by_default("16384")
          .between(1, 16'777'216)
          .in_unit("keys"),
      field<&pipeline_keys::drain_limit>(
          "drain_limit", "How long the end may take; what is left then is dropped as shutdown.")
          .by_default("10s")
          .between(0, 3.6e12),
      field<&pipeline_keys::codecs>(
          "codecs",
          "Plugins whose codecs are used though no stage need be of them, by name or path of the "
          "file: with [\"kite_source\"], Kite ticks that come out of a Redis stream can be written "
          "as JSON.")
          .by_default("[]"));
};

struct level_keys {
  level_mode mode = level_mode::enforce;
  double ratio_warning = 0, ratio_critical = 0, ratio_overload = 0;
  duration latency_warning{}, latency_critical{}, latency_overload{};
  std::uint64_t pending_warning = 0, pending_critical = 0, pending_overload = 0;
  double ratio_exit_warning = 0, ratio_exit_critical = 0, ratio_exit_overload = 0;
  double exit_share = 0;
  duration hold{}, hold_max{}, relapse{};

  static constexpr double longest = 6e10, most = 1e9, hour = 3.6e12;
  static constexpr auto fields = sluice::fields(
      field<&level_keys::mode>(
          "mode",
          "never: pressure is not measured; monitor: the level is shown; enforce: stages "
          "act on it as well.")
          .one_of("never|monitor|enforce")
          .by_default("enforce"),
      field<&level_keys::ratio_warning>("ratio_warning",
                                        "WARNING when a sink's capacity/offered is below.")
          .by_default("0.95")
          .between(0, 1),
      field<&level_keys::ratio_critical>("ratio_critical",
                                         "CRITICAL when a sink's capacity/offered is below.")
          .by_default("0.8")
          .between(0, 1),
      field<&level_keys::ratio_overload>("ratio_overload",
                                         "OVERLOAD when a sink's capacity/offered is below.")
          .by_default("0.5")
          .between(0, 1),
      field<&level_keys::latency_warning>("latency_warning",
                                          "WARNING when a sink's p95 latency reaches this.")
          .by_default("10ms")
          .between(1, longest),
      field<&level_keys::latency_critical>("latency_critical",
                                           "CRITICAL when a sink's p95 latency reaches this.")
          .by_default("50ms")
          .between(1, longest),
      field<&level_keys::latency_overload>("latency_overload",
                                           "OVERLOAD when a sink's p95 latency reaches this.")
          .by_default("200ms")
          .between(1, longest),
      field<&level_keys::pending_warning>("pending_warning",
                                          "WARNING when this many records wait for a sink.")
          .by_default("100")
          .between(1, most)
          .in_unit("records"),
      field<&level_keys::pending_critical>("pending_critical",
                                           "CRITICAL when this many records wait for a sink.")
          .by_default("500")
          .between(1, most)
          .in_unit("records"),
      field<&level_keys::pending_overload>("pending_overload",
                                           "OVERLOAD when this many records wait for a sink.")
          .by_default("2000")
          .between(1, most)
          .in_unit("records"),
      field<&level_keys::ratio_exit_warning>("ratio_exit_warning",
                                             "WARNING ends when capacity/offered is this again.")
          .by_default("0.98")
          .between(0, 1),
      field<&level_keys::ratio_exit_critical>("ratio_exit_critical",
                                              "CRITICAL ends when capacity/offered is this again.")
          .by_default("0.9")
          .between(0, 1),
      field<&level_keys::ratio_exit_overload>("ratio_exit_overload",
                                              "OVERLOAD ends when capacity/offered is this again.")
          .by_default("0.58")
          .between(0, 1),
      field<&level_keys::exit_share>(
          "exit_share",
          "A level ends when latency and pending are at most this share of what begins it.")
          .by_default("0.7")
          .between(0.01, 1),
      field<&level_keys::hold>("hold",
                               "How long every signal must allow a lower level before it is taken; "
                               "then one level at a time.")
          .by_default("2s")
          .between(0, hour),
      field<&level_keys::hold_max>("hold_max", "The hold doubles with each relapse, up to this.")
          .by_default("16s")
          .between(0, hour),
      field<&level_keys::relapse>(
          "relapse", "A rise this soon after a fall is a relapse; later, the hold is as at first.")
          .by_default("60s")
          .between(0, hour));
};

struct queue_keys {
  std::uint32_t records = 0;
  byte_size bytes{};
  enum when_full when_full = config::when_full::drop_oldest;
  duration max_delay{};

  static constexpr auto fields = sluice::fields(
      field<&queue_keys::records>("records", "Most records that wait.")
          .by_default("10000")
          .between(1, 10'000'000)
          .in_unit("records"),
      field<&queue_keys::bytes>("bytes", "Most bytes of records that wait.")
          .by_default("16MiB")
          .between(4096, 68'719'476'736.0),
      field<&queue_keys::when_full>(
          "when_full",
          "What gives way when it is full: the oldest record of the lowest priority, the new one, "
          "an older one of the same key and schema; or block: the stages before it wait.")
          .one_of("drop_oldest|drop_newest|conflate|block")
          .by_default("drop_oldest"),
      field<&queue_keys::max_delay>(
          "max_delay",
          "When the least delay stays above this for 100ms, records older than twice it leave as "
          "expired; 0s: never.")
          .by_default("0s")
          .between(0, 3.6e12));
};

/// Of [[stage]]; beside these the tables `where` and `queue`, and the plugin's own keys.
struct stage_keys {
  std::string plugin;
  std::optional<std::string> name;
  std::optional<std::vector<std::string>> from;
  std::uint32_t shards = 1;
  std::uint32_t hold = 0;
  std::optional<on_fault> fault_policy;
  bool enabled = true;

  static constexpr auto fields = sluice::fields(
      field<&stage_keys::plugin>("plugin", "The plugin's name, or the path of its file.")
          .required()
          .between(1, 4096),
      field<&stage_keys::name>("name", "What the stage is called; the plugin's name unless given."),
      field<&stage_keys::from>("from",
                               "The stages its records come from; the one before it in the file "
                               "unless given."),
      field<&stage_keys::shards>("shards", "Sinks: copies of the sink, records split by key.")
          .by_default("1")
          .between(1, 64),
      field<&stage_keys::hold>("hold", "Stages that hold records: the most they may hold.")
          .by_default("65536")
          .between(1, 16'777'216)
          .in_unit("records"),
      field<&stage_keys::fault_policy>("on_fault",
                                       "What a stage that fails 3 times in 10 s is: bypassed "
                                       "(transforms and guards, their default) or stopped.")
          .one_of("bypass|stop"),
      field<&stage_keys::enabled>("enabled",
                                  "Transforms and guards: false, and records pass it by as if it "
                                  "were not there; to switch it from outside, write "
                                  "\"${VARIABLE:-true}\".")
          .by_default("true"));
};

/// Of [[service]].
struct service_keys {
  std::string plugin;
  std::optional<std::string> name;

  static constexpr auto fields = sluice::fields(
      field<&service_keys::plugin>("plugin", "The plugin's name, or the path of its file.")
          .required()
          .between(1, 4096),
      field<&service_keys::name>("name",
                                 "What the service is called; the plugin's name unless given."));
};

inline constexpr std::string_view queue_doc =
    "Where records wait for the stage, which then runs in a lane of its own. A sink always has "
    "one.";
inline constexpr std::string_view where_doc =
    "Which records come in: priority (0, 1, 2), schema, or any attribute of the key, each a value "
    "or a list of values; \"\" is a key that has no such attribute. All conditions must hold.";

/// All keys of a [[stage]] that are the host's: no plugin may have one of these.
inline constexpr std::array<std::string_view, 9> reserved_keys{
    "plugin", "name", "from", "where", "queue", "shards", "hold", "on_fault", "enabled"};

}  // namespace sluice::config
