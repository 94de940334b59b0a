// The text plot of a run: one row of bars for each quantity, time from left to right.
#include "scenario/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace sluice::scenario {

namespace {

constexpr std::size_t columns = 56;

/// A value between 0 and 1 as a bar.
const char* bar(double share) {
  static constexpr const char* bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  // What is there at all is seen.
  const double steps = share <= 0 ? 0 : std::max(1.0, share * 8 + 0.5);
  return bars[static_cast<std::size_t>(std::min(steps, 8.0))];
}

class plotter {
 public:
  explicit plotter(const outcome& seen)
      : seen_{seen}, width_{std::min(columns, std::max<std::size_t>(1, seen.slots.size()))} {}

  std::string draw() {
    using per_column = std::function<double(std::size_t, std::size_t)>;
    const auto rate = [this](auto member) -> per_column {
      return [this, member](std::size_t from, std::size_t to) {
        double sum = 0;
        for (std::size_t i = from; i < to; ++i) sum += static_cast<double>(member(seen_.slots[i]));
        return sum * 10 / static_cast<double>(to - from);
      };
    };
    row("received", "/s", rate([](const slot& each) { return each.received; }));
    row("published", "/s", rate([](const slot& each) { return each.published; }));
    row("lost", "/s", rate([](const slot& each) { return each.lost_total(); }));
    keep_ratio();
    row("held", "", [this](std::size_t from, std::size_t to) {
      std::uint64_t most = 0;
      for (std::size_t i = from; i < to; ++i) most = std::max(most, seen_.slots[i].held);
      return static_cast<double>(most);
    });
    row("p99 age", "ms", [this](std::size_t from, std::size_t to) { return age(from, to); });
    levels();
    axis();
    return text_;
  }

 private:
  std::size_t begin_of(std::size_t column) const { return column * seen_.slots.size() / width_; }

  template <typename Value>
  void row(const std::string& name, const char* unit, Value&& value) {
    std::vector<double> values;
    for (std::size_t i = 0; i < width_; ++i) values.push_back(value(begin_of(i), begin_of(i + 1)));
    const double most = *std::max_element(values.begin(), values.end());
    text_ += fmt::format("  {:<10}", name);
    for (const double each : values) text_ += bar(most > 0 ? each / most : 0);
    text_ += fmt::format("  {:.0f}{}\n", most, unit);
  }

  /// The part that is neither sampled nor shed, of 1; at its right the least of a column. Nothing
  /// where nothing was received.
  void keep_ratio() {
    double least = 1;
    text_ += "  kept      ";
    for (std::size_t column = 0; column < width_; ++column) {
      double received = 0, thinned = 0;
      for (std::size_t i = begin_of(column); i < begin_of(column + 1); ++i) {
        received += static_cast<double>(seen_.slots[i].received);
        thinned += static_cast<double>(seen_.slots[i].thinned());
      }
      const double kept = received > 0 ? std::max(0.0, 1 - thinned / received) : 0;
      if (received > 0) least = std::min(least, kept);
      text_ += bar(kept);
    }
    text_ += fmt::format("  {:.0f}%\n", least * 100);
  }

  double age(std::size_t from, std::size_t to) const {
    const auto all = seen_.seen.ages(from, to);
    if (all.empty()) return 0;
    std::vector<std::uint32_t> ages{all.begin(), all.end()};
    const auto rank = ages.begin() + static_cast<std::ptrdiff_t>((ages.size() - 1) * 99 / 100);
    std::nth_element(ages.begin(), rank, ages.end());
    return *rank / 1e3;
  }

  void levels() {
    std::uint32_t worst = SLUICE_HEALTHY;
    text_ += "  level     ";
    for (std::size_t column = 0; column < width_; ++column) {
      std::uint32_t most = SLUICE_HEALTHY;
      for (std::size_t i = begin_of(column); i < begin_of(column + 1); ++i)
        most = std::max(most, seen_.slots[i].level);
      text_ += most == SLUICE_HEALTHY ? '.' : level_name(most)[0];
      worst = std::max(worst, most);
    }
    text_ += fmt::format("  {}\n", level_name(worst));
  }

  void axis() {
    const std::string end = show_slot(seen_.slots.size());
    text_ += fmt::format("  {:10}0s{:>{}}\n", "", end, width_ > 2 ? width_ - 2 : 0);
  }

  const outcome& seen_;
  const std::size_t width_;
  std::string text_;
};

}  // namespace

std::string plot(const outcome& seen) { return plotter{seen}.draw(); }

}  // namespace sluice::scenario
