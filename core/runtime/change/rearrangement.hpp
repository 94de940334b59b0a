// Stages that come, go, or take their input from elsewhere, while the pipeline runs.
#pragma once

#include "runtime/change/candidate.hpp"
#include "runtime/change/change.hpp"
#include "runtime/engine.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::runtime {

/// From what runs to what is to run, lane by lane, each between two batches. What stays keeps its
/// lane. Stages are the same by name. For the thread of the change.
class rearrangement {
 public:
  /// All of them outlive it.
  rearrangement(engine& of, const change_host& by, const config::pipeline_spec& now,
                const config::pipeline_spec& next);
  ~rearrangement();
  rearrangement(const rearrangement&) = delete;
  rearrangement& operator=(const rearrangement&) = delete;

  /// Makes and tests what is new. Throws std::runtime_error: it cannot be, or a stage that stays
  /// would have to leave its lane. Nothing has changed then.
  void prepare();
  /// What comes is started, all lanes find their stages and edges as they are to be, what goes is
  /// drained. Throws std::runtime_error: a start failed, and all is as before; or the pipeline
  /// ends.
  void apply();
  /// After `apply`: what became of a stage that was added, removed or rewired.
  void tell(stage_receipt& into) const;

 private:
  struct gone {
    std::string name;
    std::uint64_t released = 0, lost = 0;
  };

  void refuse_moves() const;
  void make(std::uint32_t number);
  std::vector<edge> edges_of(const std::string& name) const;
  std::vector<engine::place> places(const std::string& name) const;
  void start();
  void start_inline(stage& made, lane& in) const;
  void abandon();
  bool affected(const lane& which) const;
  void rearrange(lane& which);
  void drain_inline(stage& leaving);
  void end_lanes();
  void destroy(std::vector<std::unique_ptr<stage>> stages) const;
  void destroy(stage& one) const;

  engine& engine_;
  const change_host& by_;
  const config::pipeline_spec &now_, &next_;
  std::vector<engine::newcomer> added_;
  std::vector<std::unique_ptr<lane>> lanes_;    // of them, until they have entered
  std::vector<std::unique_ptr<stage>> inline_;  // of them, for lanes there are
  std::vector<lane*> begun_;                    // of them, sealed
  std::vector<std::unique_ptr<stage>> left_;
  std::vector<gone> gone_;
  std::int64_t longest_pause_ = 0;
};

}  // namespace sluice::runtime
