// A random pipeline: graph, queues, behaviours and faults all from one seed.
#pragma once

#include "runtime/test_rig.hpp"

#include <cstdint>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace sluice::sim {

/// What a world's stages may do.
struct temper {
  bool faults = true;   ///< throw, answer nonsense, make calls that are refused
  bool reorder = true;  ///< hold and release, change priorities, meet their own copies again
};

class world {
 public:
  world(std::uint64_t seed, temper of);
  world(const world&) = delete;

  /// Two seconds, then a drain. Checks the ledger after every 10 ms.
  void run();
  /// All that can be seen of it, as text.
  std::string digest();
  /// Per key and priority no record overtook another, in any sink.
  void check_order() const;

 private:
  struct transform_state;
  struct sink_state;
  struct guard_state;

  std::uint32_t up_to(std::uint32_t most) {
    return static_cast<std::uint32_t>(random_() % (most + 1));
  }
  bool one_in(std::uint32_t of) { return up_to(of - 1) == 0; }

  void build();
  void add_transform(std::uint32_t number);
  void add_sink(std::uint32_t number);
  std::vector<std::string> choose_inputs();
  void link(config::stage_spec& made, const std::vector<std::string>& inputs);
  config::queue_spec some_queue();
  void some_condition(config::where_spec& where);

  void play_source(const std::string& name, std::uint64_t first_key);
  void play_transform(const std::string& name);
  void play_sink(const std::string& name);
  void play_guard(const std::string& name);
  void transform_batch(const std::string& name, batch& records, std::deque<held_record>& held);
  void misbehave(const std::string& name, batch& records);
  void report_some(const std::string& name, std::deque<std::pair<std::uint64_t, std::uint32_t>>&);
  void check(const char* when) const;

  const temper temper_;
  std::mt19937_64 random_;
  runtime::test::rig on_;
  std::vector<std::string> open_;                      // stages that may have followers
  std::map<std::string, std::set<std::string>> from_;  // their sources
  std::map<std::string, std::string> lane_;            // the stage that begins their lane
  std::vector<std::string> sinks_;                     // instances
  std::uint64_t permits_ = 0, permits_ended_ = 0;
};

}  // namespace sluice::sim
