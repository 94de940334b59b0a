// A quantity per second over time, in straight pieces: the load of a feed, the speed of a sink.
#pragma once

#include <cstdint>
#include <vector>

namespace sluice::scenario {

/// Times are nanoseconds since the run's begin. The first piece begins at 0, the last one never
/// ends.
class curve {
 public:
  struct point {
    std::int64_t at_ns = 0;
    double per_s = 0;
    bool ramp = false;  ///< reached in a straight line from the point before, else at once
  };

  /// Points in rising order of time; before the first one nothing. What follows the last is level.
  explicit curve(const std::vector<point>& points);

  /// Between `from` and `to` it is `factor` times what it was.
  void scale(std::int64_t from_ns, std::int64_t to_ns, double factor);

  double at(std::int64_t when_ns) const;
  /// How much comes between two times.
  double area(std::int64_t from_ns, std::int64_t to_ns) const;
  /// When `amount` has come since `from`; SLUICE_NEVER if it never does.
  std::int64_t reach(std::int64_t from_ns, double amount) const;

 private:
  struct piece {
    std::int64_t begin_ns;
    double per_s;    // at its begin
    double slope_s;  // its change per second
  };

  std::size_t piece_of(std::int64_t when_ns) const;
  std::int64_t end_of(std::size_t number) const;
  void cut(std::int64_t at_ns);

  std::vector<piece> pieces_;
};

}  // namespace sluice::scenario
