// What a scenario file says: a pipeline, a load, faults, and what is expected. Plain data, each
// part with its keys as rows like a plugin's.
#pragma once

#include "config/pipeline.hpp"

#include <sluice/config.hpp>
#include <sluice/record.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::scenario {

inline constexpr double ms = 1e6, second = 1e9, day = 86'400 * second;  // ns, for bounds

/// The file's own keys, beside the tables.
struct head_keys {
  std::optional<std::string> name, pipeline;
  std::string doc;
  std::uint64_t seed = 1;
  duration lasts{};

  static constexpr auto fields = sluice::fields(
      field<&head_keys::name>("name", "What it is called; the file's name unless given."),
      field<&head_keys::doc>("doc", "What it shows, in a sentence or two.").required(),
      field<&head_keys::pipeline>(
          "pipeline",
          "The pipeline's file, from this file's folder. Without it this file holds the pipeline: "
          "[[stage]] and so on."),
      field<&head_keys::seed>("seed", "Of everything random.").by_default("1").between(0, 9e15),
      field<&head_keys::lasts>("duration", "Virtual time until the pipeline is drained.")
          .required()
          .between(100 * ms, day));
};

/// [[feed.load]]
struct load_point {
  duration at{};
  double rate = 0;
  bool ramp = false;

  static constexpr auto fields =
      sluice::fields(field<&load_point::at>("at", "From when on.").by_default("0s").between(0, day),
                     field<&load_point::rate>("rate", "Ticks a second.").required().between(0, 1e7),
                     field<&load_point::ramp>(
                         "ramp", "Reached in a straight line from the point before, else at once.")
                         .by_default("false"));
};

/// [[feed.burst]]
struct burst {
  duration at{}, lasts{}, every{};
  std::uint32_t sockets = 1, ticks = 0;

  static constexpr auto fields = sluice::fields(
      field<&burst::at>("at", "When the first frames come.").by_default("0s").between(0, day),
      field<&burst::lasts>("for", "How long more of them come; 0s: once.")
          .by_default("0s")
          .between(0, day),
      field<&burst::every>("every", "Distance of the frames of one socket.")
          .by_default("250ms")
          .between(1 * ms, day),
      field<&burst::sockets>("sockets", "Frames that come each time.")
          .by_default("1")
          .between(1, 64),
      field<&burst::ticks>("ticks", "In each frame, of each instrument in turn.")
          .required()
          .between(1, 100'000));
};

/// [[feed.group]]: instruments of one kind.
struct group {
  std::uint32_t instruments = 0, priority = SLUICE_PRIORITY_NORMAL;
  std::string type, exchange, segment;

  static constexpr auto fields = sluice::fields(
      field<&group::instruments>("instruments", "How many.").required().between(1, 1e6),
      field<&group::priority>("priority", "Of their ticks: 0 is never dropped by policy, 2 first.")
          .by_default("1")
          .between(0, 2),
      field<&group::type>("type", "Attribute of each of them.").by_default("options"),
      field<&group::exchange>("exchange", "Attribute of each of them.").by_default("NFO"),
      field<&group::segment>("segment", "Attribute of each of them.").by_default("NFO-OPT"));
};

/// [[feed]]: what stands in for a source.
struct feed_spec {
  std::optional<std::string> stage;
  double zipf = 1, noise = 0, link = 0;
  std::uint32_t frame = 0, payload = 0;
  duration noise_every{};
  bool even = false;
  std::vector<std::string> shift;

  std::vector<load_point> load;
  std::vector<burst> bursts;
  std::vector<group> groups;
  std::vector<duration> shift_at;  ///< `shift`, read

  static constexpr auto fields = sluice::fields(
      field<&feed_spec::stage>("stage", "The source; the pipeline's only one unless given."),
      field<&feed_spec::zipf>("zipf",
                              "Exponent of the instruments' shares of the load; 0: all the same.")
          .by_default("1")
          .between(0, 4),
      field<&feed_spec::frame>("frame", "Ticks that come at once.")
          .by_default("50")
          .between(1, 100'000)
          .in_unit("ticks"),
      field<&feed_spec::even>("even", "Frames come at even distances, else at random ones.")
          .by_default("false"),
      field<&feed_spec::noise>("noise", "Share by which the load changes either way.")
          .by_default("0")
          .between(0, 1),
      field<&feed_spec::noise_every>("noise_every", "How often it does.")
          .by_default("1s")
          .between(10 * ms, day),
      field<&feed_spec::link>("link", "The pace at which frames due at the same time come in.")
          .by_default("1000000")
          .between(1000, 1e9)
          .in_unit("ticks/s"),
      field<&feed_spec::payload>("payload", "Size of a tick.")
          .by_default("44")
          .between(8, 4096)
          .in_unit("bytes"),
      field<&feed_spec::shift>("shift", "When other instruments become the busiest: [\"30s\"].")
          .by_default("[]"));
};

/// [[sink]]: what stands in for a sink.
struct sink_spec {
  std::optional<std::string> stage;
  double capacity = 0;
  duration latency{}, jitter{};

  static constexpr auto fields = sluice::fields(
      field<&sink_spec::stage>("stage", "The sink; the pipeline's only one unless given."),
      field<&sink_spec::capacity>("capacity", "What it takes.")
          .required()
          .between(1, 1e8)
          .in_unit("records/s"),
      field<&sink_spec::latency>("latency", "Of a reply, beyond the work itself.")
          .by_default("200us")
          .between(0, 60 * second),
      field<&sink_spec::jitter>("jitter", "Up to this much more, at random.")
          .by_default("0s")
          .between(0, 60 * second));
};

enum class fault_kind : std::uint8_t { slow, stop, errors, jitter, cut, silence };

/// [[fault]]
struct fault_spec {
  fault_kind kind = fault_kind::stop;
  std::optional<std::string> stage;
  duration at{}, lasts{}, every{}, amount{};
  std::uint32_t times = 1;
  double factor = 1, share = 1;

  static constexpr auto fields = sluice::fields(
      field<&fault_spec::kind>(
          "kind",
          "Of a sink: slow (takes 1/factor), stop (neither works nor answers), errors (answers "
          "that it is busy), jitter (answers late), cut (the connection breaks and none is made). "
          "Of a feed: silence.")
          .required()
          .one_of("slow|stop|errors|jitter|cut|silence"),
      field<&fault_spec::stage>("stage", "Which; the only one unless given."),
      field<&fault_spec::at>("at", "When it begins.").required().between(0, day),
      field<&fault_spec::lasts>("for", "How long it lasts.").required().between(0, day),
      field<&fault_spec::times>("times", "How often it comes.").by_default("1").between(1, 1000),
      field<&fault_spec::every>("every", "From the begin of one to that of the next.")
          .by_default("0s")
          .between(0, day),
      field<&fault_spec::factor>("factor", "slow: how many times.").by_default("2").between(1, 1e6),
      field<&fault_spec::share>("share", "errors: of the calls.").by_default("1").between(0, 1),
      field<&fault_spec::amount>("amount", "jitter: up to this much later, at random.")
          .by_default("100ms")
          .between(0, 60 * second));
};

/// [[swap]]: what an operator does while it runs, with `sluice swap`.
struct swap_spec {
  duration at{};
  std::string stage;
  std::string plugin;
  std::vector<std::string> set;
  bool lose_state = false;

  static constexpr auto fields = sluice::fields(
      field<&swap_spec::at>("at", "When.").required().between(0, day),
      field<&swap_spec::stage>("stage", "Which: a transform or a guard.").required(),
      field<&swap_spec::plugin>("plugin", "What it becomes; the plugin it has unless given.")
          .by_default(""),
      field<&swap_spec::set>("set", "Keys of it: [\"headroom=0.8\"].").by_default("[]"),
      field<&swap_spec::lose_state>("lose_state", "It may begin without the old one's state.")
          .by_default("false"));
};

/// [[reload]]: the same, with `sluice reload` after its file was edited.
struct reload_spec {
  duration at{};
  std::string pipeline;
  bool lose_state = false;

  static constexpr auto fields = sluice::fields(
      field<&reload_spec::at>("at", "When.").required().between(0, day),
      field<&reload_spec::pipeline>("pipeline",
                                    "The file that the pipeline's is like from then on.")
          .required(),
      field<&reload_spec::lose_state>("lose_state", "Stages may begin without the old ones' state.")
          .by_default("false"));
};

/// Of a [[swap]] or a [[reload]]: what it makes of the pipeline.
struct change_spec {
  duration at{};
  std::string title;  ///< "swap of sampler", "reload of other.toml"
  std::string only;   ///< this stage alone; empty: all that differs
  bool lose_state = false;
  config::pipeline_spec after;  ///< as its file would give it
};

/// [[expect]]: checks within one range of time. What is not set is not checked.
struct expectation {
  std::optional<duration> from, to;
  std::optional<enum level> level, max_level, reaches;
  std::optional<duration> healthy_within, kept_within, settled_within, floor, age_p99;
  std::optional<std::uint32_t> changes, changes_per_minute;
  std::optional<double> goodput, goodput_of_offered, keep_min, keep_max, dropped;
  std::optional<std::uint64_t> published;
  std::optional<std::vector<std::string>> losses;

  static constexpr std::string_view levels = "HEALTHY|WARNING|CRITICAL|OVERLOAD";
  static constexpr auto fields = sluice::fields(
      field<&expectation::from>("from", "Begin of the range; the run's unless given.")
          .between(0, day),
      field<&expectation::to>("to", "End of the range; the run's unless given.").between(0, day),
      field<&expectation::level>("level", "This level all the time.").one_of(levels),
      field<&expectation::max_level>("max_level", "Never a level above this.").one_of(levels),
      field<&expectation::reaches>("reaches", "At some time this level or one above.")
          .one_of(levels),
      field<&expectation::healthy_within>(
          "healthy_within", "HEALTHY this long after the range's begin, and from then on.")
          .between(0, day),
      field<&expectation::kept_within>(
          "kept_within", "This long after the range's begin nothing is lost any more.")
          .between(0, day),
      field<&expectation::settled_within>(
          "settled_within",
          "From this long after the range's begin on, the goodput of every second is at least 0.9 "
          "of what could be had: of the capacity, or of what was offered if that is less.")
          .between(0, day),
      field<&expectation::changes>("changes", "Level changes, at most.").between(0, 1e6),
      field<&expectation::changes_per_minute>("changes_per_minute",
                                              "Level changes in any 60 s, at most.")
          .between(0, 1e6),
      field<&expectation::goodput>("goodput",
                                   "Published within 250 ms of receipt, as a share of the "
                                   "sinks' capacity, at least.")
          .between(0, 1),
      field<&expectation::goodput_of_offered>(
          "goodput_of_offered",
          "Published within 250 ms of receipt, as a share of what was received, at least.")
          .between(0, 1),
      field<&expectation::age_p99>("age_p99", "99 % of what is published is at most this old.")
          .between(0, day),
      field<&expectation::keep_min>(
          "keep_min", "Neither sampled nor shed, as a share of what was received, in every second.")
          .between(0, 1),
      field<&expectation::keep_max>("keep_max", "The same, in some second at most.").between(0, 1),
      field<&expectation::floor>(
          "floor",
          "Of every instrument that came within each such while, at least one tick is published.")
          .between(100 * ms, day),
      field<&expectation::dropped>("dropped", "Lost, as a share of what was received, at most.")
          .between(0, 1),
      field<&expectation::published>("published", "Records published, at least."),
      field<&expectation::losses>("losses",
                                  "The only ways in which a record may be lost: drop reasons, "
                                  "failed, unknown. []: none is."));
};

struct scenario {
  std::string file, name, doc;
  std::uint64_t seed = 1;
  duration lasts{};
  config::pipeline_spec pipeline;
  std::vector<feed_spec> feeds;  ///< each names its stage
  std::vector<sink_spec> sinks;
  std::vector<fault_spec> faults;    ///< each once: those that come again are so many
  std::vector<change_spec> changes;  ///< in the order of time
  std::vector<expectation> expected;
};

}  // namespace sluice::scenario
