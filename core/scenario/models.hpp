// The models that stand in for the stages that talk to the world, as plugins of the core's own.
#pragma once

#include "scenario/frames.hpp"
#include "scenario/scenario.hpp"
#include "scenario/server.hpp"
#include "scenario/tally.hpp"

#include <sluice/stage.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace sluice::scenario {

/// What a sink's model heeds of the real stage's settings: the keys of these names, and where the
/// real one has none, redis_sink's defaults.
struct pace {
  std::int64_t batch = 100, window = 4;
  std::int64_t interval = 100'000'000, timeout = 1'000'000'000, connect_timeout = 1'000'000'000;
  std::int64_t backoff_min = 50'000'000, backoff_max = 500'000'000;
};
pace pace_of(const config::stage_spec& real);

/// What the models of one run share; they are made while it is the current one.
struct world {
  const scenario& from;
  std::uint64_t seed;
  std::map<std::string, std::string, std::less<>> schemas;  ///< by source: what its ticks are
  std::map<std::string, pace, std::less<>> paces;           ///< by sink
  std::map<std::string, std::uint32_t, std::less<>> shards;
  tally seen;
};

/// Models made on this thread belong to this world.
class within {
 public:
  explicit within(world& current);
  ~within();
  static world& current();
};

std::uint32_t instruments_of(const feed_spec& feed);

/// Puts models in the place of sinks and of sources that have a [[feed]], and leaves services out:
/// what they see of the machine would make no run like another.
config::pipeline_spec with_models(world& of, config::pipeline_spec made);

/// Pushes what a [[feed]] says.
class model_feed {
 public:
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"model_feed", "1.0.0", "Stands in for a source.",
                                     SLUICE_SOURCE, SLUICE_NEVER_DELAY};
  model_feed(const config&, host given);

  void start();
  void on_timer(time_point now);

 private:
  void publish_attributes();
  void push(const frame& of, time_point now);

  host host_;
  world& world_;
  const feed_spec& feed_;
  frame_plan plan_;
  instrument_draw draw_;
  const std::uint32_t first_;             // of its instruments among those of all feeds
  std::vector<std::uint8_t> priorities_;  // by instrument
  std::vector<std::uint8_t> payload_;
  std::vector<record> records_;
  std::vector<std::uint32_t> numbers_;  // of their instruments
  std::size_t shifts_ = 0;
  std::uint16_t schema_ = 0;
};

/// Takes what comes as redis_sink does, and answers as its server says.
class model_sink {
 public:
  struct config {};
  static constexpr auto fields = sluice::fields();
  static constexpr description about{"model_sink", "1.0.0", "Stands in for a sink.", SLUICE_SINK};
  model_sink(const config&, host given);

  void start();
  void process(batch& records);
  void on_timer(time_point now);
  std::uint32_t ready(std::uint32_t queued, duration oldest);
  bool drain(time_point deadline);

 private:
  enum class state : std::uint8_t { waiting, dialling, live };
  struct call {
    std::uint64_t id = 0;
    std::int64_t written_ns = 0;
    server::reply reply;
    std::uint32_t count = 0;
    std::array<sent_record, SLUICE_BATCH_MAX> records;
  };

  std::int64_t rel(time_point when) const {
    return world_.seen.since_begin(when.time_since_epoch().count());
  }
  void answer(std::int64_t now);
  void report(const call& of, std::uint32_t result, std::uint32_t cause, std::uint64_t incident);
  void told(std::uint32_t result, std::uint32_t cause);
  void dial(std::int64_t now);
  void connect(std::int64_t now);
  void lose(std::uint32_t cause, std::int64_t now);
  void wait(std::int64_t now);
  std::int64_t due() const;
  void arm();

  host host_;
  world& world_;
  const pace pace_;
  server server_;
  generator random_;
  state state_ = state::waiting;
  std::int64_t answer_ns_ = SLUICE_NEVER, due_ns_ = 0;  // dialling: its answer, its end
  std::int64_t live_since_ns_ = 0, cut_ns_ = SLUICE_NEVER, ceiling_ns_;
  std::int64_t look_ns_ = SLUICE_NEVER;  // a batch that is not full goes then
  std::uint64_t incident_ = 0;
  std::deque<call> calls_;
};

}  // namespace sluice::scenario
