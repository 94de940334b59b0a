// adaptive_sampler/fair_shares.hpp - divides what may be kept fairly among the instruments.
#pragma once

#include <sampling/share.hpp>
#include <sluice/state.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::adaptive_sampler {

/// The level f up to which each of `ascending` demands is met so that sum(min(demand, f)) is
/// `budget` (max-min fairness by water-filling; Bertsekas and Gallager, Data Networks, 6.5.2).
/// Infinite if the budget is enough for all.
double water_level(std::span<const float> ascending, double budget);

/// Max-min fair shares among the instruments seen in the last second: one at or below the fair
/// share is kept whole, one above it with share / rate. Over all, `ratio` of the records is kept.
/// Allocates only when it meets an index above all before.
class fair_shares {
 public:
  /// The share this record of instrument `index` is kept with; counts the record.
  sampling::share of(std::uint32_t index) {
    if (index >= instruments_.size()) [[unlikely]]
      grow(index);
    instrument& each = instruments_[index];
    ++each.seen;
    ++seen_;
    sampling::share own = each.own;
    // Rates out of date make the fair share too small. No less than `ratio` is kept over all, but
    // for a slack: beyond it a record has at least that share.
    if (owed_ > slack_ && own.parts() < ratio_.parts()) own = ratio_;
    owed_ += static_cast<std::int64_t>(ratio_.parts()) - static_cast<std::int64_t>(own.parts());
    return own;
  }

  /// Every 100 ms: sets the part of all records to keep. Rates are taken anew when a second is
  /// over, and at once when more came in it than twice what came in the last. What an instrument
  /// sent so far in this second counts too: its burst does not wait for the second's end.
  void settle(time_point now, double ratio);
  void save(state_writer& out) const;
  /// Throws std::runtime_error for what no save can have written.
  void load(state_reader& in, time_point now);

  /// Forgets all rates: every record has `ratio` until 100 ms have been seen.
  void clear();

  /// Records a second up to which an instrument is kept whole; 0 while rates are unknown, infinite
  /// if none is sampled.
  double per_second() const { return fair_; }

 private:
  struct instrument {
    sampling::share own;
    float per_s = 0;         ///< in the last second
    std::uint32_t seen = 0;  ///< since began_
  };

  void grow(std::uint32_t index);
  void take_rates(time_point now);
  void sort_rates();
  void set_slack();
  /// The share of an instrument that sends so many records a second.
  sampling::share share_of(float per_s) const;

  std::vector<instrument> instruments_;  // by index
  std::vector<float> ascending_;         // rates above 0, sorted
  bool sorted_ = true;                   // else, after load, with the next settle
  sampling::share ratio_;
  double total_per_s_ = 0;
  float fair_ = 0;
  // In 2^-32 records. What is owed goes over to the next second, what was kept too many does not.
  std::int64_t owed_ = 0, slack_ = 0;
  std::uint64_t seen_ = 0;
  time_point began_ = never;
};

}  // namespace sluice::adaptive_sampler
