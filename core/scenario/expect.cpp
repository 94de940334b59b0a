#include "scenario/expect.hpp"

#include "config/text.hpp"
#include "scenario/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace sluice::scenario {

namespace {

using config::show_duration;

constexpr std::size_t slots_per_s = 10, slots_per_minute = 600;
/// `settled_within`: this share of what could be had.
constexpr double settled_share = 0.9;

std::string at(std::size_t slot) { return show_slot(slot); }

/// The checks of one [[expect]].
class judge_of {
 public:
  judge_of(const expectation& what, const outcome& seen, std::size_t all, std::vector<verdict>& out)
      : what_{what},
        seen_{seen},
        from_{std::min(all, slot_after(*what.from))},
        to_{std::min(all, static_cast<std::size_t>(what.to->count() / slot_ns))},
        out_{out} {
    if (from_ > 0 || to_ < all) range_ = fmt::format(", {} to {}", at(from_), at(to_));
  }

  void run() {
    levels();
    flow();
    losses();
  }

 private:
  static std::size_t slot_after(duration when) {
    return static_cast<std::size_t>((when.count() + slot_ns - 1) / slot_ns);
  }

  void add(const std::string& wanted, const std::string& got, bool passed) {
    out_.push_back({wanted + range_, got, passed});
  }

  // --- levels -----------------------------------------------------------------------------------

  const slot& of(std::size_t i) const { return seen_.slots[i]; }
  std::uint32_t highest() const {
    std::uint32_t most = SLUICE_HEALTHY;
    for (std::size_t i = from_; i < to_; ++i) most = std::max(most, of(i).level);
    return most;
  }

  void levels() {
    if (what_.level) stays(static_cast<std::uint32_t>(*what_.level));
    if (what_.max_level) {
      const auto most = static_cast<std::uint32_t>(*what_.max_level);
      add(fmt::format("never above {}", level_name(most)), level_name(highest()),
          highest() <= most);
    }
    if (what_.reaches) {
      const auto least = static_cast<std::uint32_t>(*what_.reaches);
      add(fmt::format("reaches {}", level_name(least)), level_name(highest()), highest() >= least);
    }
    if (what_.healthy_within) healthy(*what_.healthy_within);
    if (what_.changes) {
      const std::size_t count = level_changes(seen_, from_, to_);
      add(fmt::format("at most {} level changes", *what_.changes), std::to_string(count),
          count <= *what_.changes);
    }
    if (what_.changes_per_minute) {
      std::size_t most = 0;
      for (std::size_t i = from_; i < to_; ++i)
        most = std::max(most, level_changes(seen_, i, std::min(i + slots_per_minute, to_)));
      add(fmt::format("at most {} level changes in any minute", *what_.changes_per_minute),
          std::to_string(most), most <= *what_.changes_per_minute);
    }
  }

  void stays(std::uint32_t level) {
    std::size_t i = from_;
    while (i < to_ && of(i).level == level) ++i;
    add(fmt::format("{} all the time", level_name(level)),
        i == to_ ? "yes" : fmt::format("{} at {}", level_name(of(i).level), at(i + 1)), i == to_);
  }

  void healthy(duration within) {
    std::size_t since = to_;
    while (since > from_ && of(since - 1).level == SLUICE_HEALTHY) --since;
    const bool never = since == to_;
    add(fmt::format("HEALTHY within {}", show_duration(within.count())),
        never ? "not at all" : "after " + at(since - from_),
        !never && since - from_ <= slot_after(within));
  }

  // --- flow -------------------------------------------------------------------------------------

  template <typename Member>
  double sum(Member&& member, std::size_t from, std::size_t to) const {
    double total = 0;
    for (std::size_t i = from; i < to; ++i) total += static_cast<double>(member(of(i)));
    return total;
  }
  double received(std::size_t from, std::size_t to) const {
    return sum([](const slot& each) { return each.received; }, from, to);
  }
  double good(std::size_t from, std::size_t to) const {
    return sum([](const slot& each) { return each.good; }, from, to);
  }
  double capacity(std::size_t from, std::size_t to) const {
    double total = 0;
    for (std::size_t i = from; i < to; ++i) total += seen_.capacity[i];
    return total;
  }

  void at_least(const std::string& name, double least, double value) {
    add(fmt::format("{} at least {}", name, least), fmt::format("{:.3f}", value), value >= least);
  }

  void flow() {
    if (what_.goodput)
      at_least("goodput of capacity", *what_.goodput,
               good(from_, to_) / std::max(1.0, capacity(from_, to_)));
    if (what_.goodput_of_offered)
      at_least("goodput of what was received", *what_.goodput_of_offered,
               good(from_, to_) / std::max(1.0, received(from_, to_)));
    if (what_.settled_within) settled(*what_.settled_within);
    if (what_.age_p99) age(*what_.age_p99);
    if (what_.published) {
      const double count = sum([](const slot& each) { return each.published; }, from_, to_);
      add(fmt::format("at least {} published", *what_.published), fmt::format("{:.0f}", count),
          count >= static_cast<double>(*what_.published));
    }
  }

  void settled(duration within) {
    std::size_t since = from_;
    double least = 1;
    for (std::size_t i = from_; i + slots_per_s <= to_; ++i) {
      const std::size_t end = i + slots_per_s;
      const double could = std::min(capacity(i, end), received(i, end));
      if (could <= 0) continue;
      const double share = good(i, end) / could;
      if (share < settled_share) since = i + 1;
      if (i >= from_ + slot_after(within)) least = std::min(least, share);
    }
    const bool never = since + slots_per_s > to_;
    add(fmt::format("goodput settled within {}", show_duration(within.count())),
        fmt::format("{}, later at least {:.2f}",
                    never ? "not at all" : "after " + at(since - from_), least),
        !never && since - from_ <= slot_after(within));
  }

  void age(duration most) {
    const std::optional<double> p99_ms = age_p99_ms(seen_, from_, to_);
    add(fmt::format("p99 of the age at most {}", show_duration(most.count())),
        p99_ms ? fmt::format("{:.1f}ms", *p99_ms) : "nothing was published",
        p99_ms && *p99_ms * 1e6 <= static_cast<double>(most.count()));
  }

  // --- losses -----------------------------------------------------------------------------------

  void losses() {
    if (what_.keep_min || what_.keep_max) keep();
    if (what_.kept_within) kept(*what_.kept_within);
    if (what_.floor) floor(*what_.floor);
    if (what_.dropped) {
      const double share = sum([](const slot& each) { return each.lost_total(); }, from_, to_) /
                           std::max(1.0, received(from_, to_));
      add(fmt::format("at most {} lost", *what_.dropped), fmt::format("{:.3f}", share),
          share <= *what_.dropped);
    }
    if (what_.losses) only(*what_.losses);
  }

  void keep() {
    double least = 1;
    for (std::size_t i = from_; i + slots_per_s <= to_; ++i) {
      const double came = received(i, i + slots_per_s);
      const double thinned =
          sum([](const slot& each) { return each.thinned(); }, i, i + slots_per_s);
      if (came > 0) least = std::min(least, std::max(0.0, 1 - thinned / came));
    }
    if (what_.keep_min) at_least("kept of every second", *what_.keep_min, least);
    if (what_.keep_max)
      add(fmt::format("kept of some second at most {}", *what_.keep_max),
          fmt::format("{:.3f}", least), least <= *what_.keep_max);
  }

  void kept(duration within) {
    std::size_t since = to_;
    while (since > from_ && of(since - 1).lost_total() == 0) --since;
    add(fmt::format("nothing lost after {}", show_duration(within.count())),
        since == from_ ? "nothing at all" : "the last after " + at(since - from_),
        since - from_ <= slot_after(within));
  }

  void floor(duration every) {
    const std::size_t length = std::max<std::size_t>(1, slot_after(every));
    tally::coverage worst;
    std::size_t where = from_;
    for (std::size_t i = from_; i + length <= to_; i += length) {
      const tally::coverage one = seen_.seen.covered(i, i + length);
      if (one.dark <= worst.dark) continue;
      worst = one;
      where = i;
    }
    add(fmt::format("every instrument published every {}", show_duration(every.count())),
        worst.dark == 0
            ? "yes"
            : fmt::format("{} of {} dark at {}", worst.dark, worst.instruments, at(where)),
        worst.dark == 0);
  }

  void only(const std::vector<std::string>& ways) {
    std::string others;
    for (std::size_t way = 1; way < loss_ways; ++way) {
      const std::string name = loss_name(way);
      const double count = sum([&](const slot& each) { return each.lost[way]; }, from_, to_);
      if (count == 0 || std::find(ways.begin(), ways.end(), name) != ways.end()) continue;
      others += fmt::format("{}{} {:.0f}", others.empty() ? "" : ", ", name, count);
    }
    add(ways.empty() ? "nothing lost" : "lost only as " + config::joined(ways, ", "),
        others.empty() ? "yes" : others, others.empty());
  }

  const expectation& what_;
  const outcome& seen_;
  const std::size_t from_, to_;  // slots
  std::vector<verdict>& out_;
  std::string range_;
};

}  // namespace

std::string show_slot(std::size_t begin) {
  return fmt::format("{:g}s", static_cast<double>(begin) / 10);
}

const char* level_name(std::uint32_t level) {
  static constexpr const char* names[] = {"HEALTHY", "WARNING", "CRITICAL", "OVERLOAD"};
  return names[std::min<std::uint32_t>(level, SLUICE_OVERLOAD)];
}

std::vector<verdict> judge(const scenario& of, const outcome& seen) {
  std::vector<verdict> all;
  all.push_back({"the ledger is exact, nothing is left, every gap was counted",
                 seen.broken.empty() ? "yes" : config::joined(seen.broken, "; "),
                 seen.broken.empty()});
  for (const expectation& each : of.expected) judge_of{each, seen, seen.slots.size(), all}.run();
  return all;
}

}  // namespace sluice::scenario
