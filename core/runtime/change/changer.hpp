// Makes of a running pipeline what its file says now: all of it or nothing of it, with a receipt.
#pragma once

#include "runtime/change/candidate.hpp"
#include "runtime/change/change.hpp"
#include "runtime/engine.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::runtime {

/// For one thread, which is no lane's.
class changer {
 public:
  /// `of` outlives it.
  changer(engine& of, change_host by);

  /// Compares what `make` makes with what runs, makes and tests every new object, exchanges them in
  /// their lanes, and waits a second at most for their first batches. Whatever fails, all is as
  /// before. One at a time; refused while another is on trial.
  receipt change(const config_maker& make, const change_options& with);
  /// What is on trial stays. False: nothing is.
  bool confirm();
  /// Every 100 ms: ends a trial that is over, or that made things worse.
  void look();

 private:
  struct step {
    config::stage_change what;
    config::stage_spec before, after;
    std::vector<engine::place> places;  // a shard each
    std::vector<std::unique_ptr<candidate>> made;
    std::vector<bool> changed;  // of places: there is something to undo
    stage_receipt told;
  };
  struct trial_run {
    config::pipeline_spec before;
    std::vector<std::string> stages;
    std::int64_t until = 0;
    std::uint32_t level = SLUICE_HEALTHY;
    std::uint64_t faults = 0;
  };
  struct unproven {
    config::stage_spec before;
    std::string hash;
    std::shared_ptr<trial> first_batch;
  };

  std::vector<step> plan(const config::comparison& found, const config::pipeline_spec& now,
                         const config::pipeline_spec& next, const change_options& with) const;
  void prepare(step& one, const change_options& with) const;
  void rehearse(step& one, const std::string& schema) const;
  void make(step& one, const config::stage_spec& spec) const;
  void apply(step& one, bool lose_state) const;
  void apply_at(step& one, std::size_t shard, bool lose_state) const;
  void await_first_batches(std::vector<step>& steps) const;
  void undo(std::vector<step>& steps) const;
  void put_back(step& one, std::size_t shard) const;
  static config::pipeline_spec with_one(const std::vector<step>& steps,
                                        const config::pipeline_spec& now,
                                        const config::pipeline_spec& next);
  void remember_unproven(const std::vector<step>& steps, const std::string& hash);
  void begin_trial(const std::vector<step>& steps, const config::pipeline_spec& before,
                   std::int64_t length_ns);
  std::string failed_trial() const;
  std::uint64_t faults(const std::vector<std::string>& stages) const;
  void look_at_unproven();
  void tell(const receipt& made) const;

  engine& engine_;
  const change_host by_;
  std::uint64_t operations_ = 0;
  std::optional<trial_run> trial_;
  std::vector<unproven> unproven_;
};

}  // namespace sluice::runtime
