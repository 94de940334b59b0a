// Figures in columns, for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sluice::telemetry {

/// Rows of cells, each column as wide as its widest; numbers stand to the right.
class table {
 public:
  explicit table(std::vector<std::string> titles) { rows_.push_back(std::move(titles)); }
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  /// Columns below `left` stand to the left. The last columns are left out where a line would be
  /// wider than `width`.
  std::vector<std::string> lines(std::size_t left, std::size_t width = SIZE_MAX) const;
  /// The same, as one text.
  std::string text(std::size_t left) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace sluice::telemetry
