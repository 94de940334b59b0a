#include "telemetry/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::telemetry {

namespace {

constexpr std::size_t gap = 2;  // before each column

}  // namespace

std::vector<std::string> table::lines(std::size_t left, std::size_t width) const {
  std::vector<std::size_t> widths(rows_[0].size());
  for (const auto& cells : rows_)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  std::size_t shown = 0;
  for (std::size_t used = 0; shown < widths.size(); ++shown) {
    used += gap + widths[shown];
    if (used > width) break;
  }
  std::vector<std::string> made;
  for (const auto& cells : rows_) {
    std::string line;
    for (std::size_t i = 0; i < std::min(shown, cells.size()); ++i)
      line += i < left ? fmt::format("  {:<{}}", cells[i], widths[i])
                       : fmt::format("  {:>{}}", cells[i], widths[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    made.push_back(std::move(line));
  }
  return made;
}

std::string table::text(std::size_t left) const {
  std::string made;
  for (const std::string& line : lines(left)) made += line + "\n";
  return made;
}

}  // namespace sluice::telemetry
