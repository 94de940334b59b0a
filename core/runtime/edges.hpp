// Where records go from a stage: conditions, copies, shards.
#pragma once

#include "config/pipeline.hpp"
#include "runtime/store/attributes.hpp"
#include "runtime/store/record_queue.hpp"
#include "runtime/store/schemas.hpp"

#include <sluice/ext/downstream.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::runtime {

class lane;
class stage;

/// A `where`, with numbers for names and the verdict on each key's attributes remembered.
class condition {
 public:
  condition(const config::where_spec& spec, schemas& formats);
  bool always() const { return always_; }
  bool holds(const sluice_record& record, const attribute_view& view);

 private:
  bool attributes_hold(std::uint32_t index, const attribute_view& view) const;

  bool always_;
  std::uint32_t priorities_ = 0;  // bits; 0: any
  std::vector<std::uint16_t> schemas_;
  std::vector<config::where_spec::attribute> attributes_;
  enum : std::uint8_t { unasked, yes, no };
  std::vector<std::uint8_t> verdicts_;  // by key index, of `generation_`
  std::uint64_t generation_ = 0;
};

/// The beginning of another lane.
struct port {
  record_queue* queue;
  lane* behind;
};

/// One edge: to a stage of the same lane, or to one queue for each shard.
class edge {
 public:
  edge(condition given, stage& next) : when{std::move(given)}, next_{&next} {}
  edge(condition given, std::vector<port> ports)
      : when{std::move(given)}, ports_{std::move(ports)} {}

  condition when;
  const std::vector<port>& ports() const { return ports_; }
  void send(sluice_record* records, std::uint32_t count, lane& from);
  /// Raises `worst` to what waits in the queues that its records come to next; whether there is
  /// one.
  bool look_ahead(sluice_waiting& worst) const;

 private:
  stage* next_ = nullptr;
  std::vector<port> ports_;
};

}  // namespace sluice::runtime
