// kite/csv.hpp - one line of comma separated values, with quoted fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::kite {

/// Takes the first line off `rest` (LF or CRLF) and splits it into `fields`, whose strings are
/// reused. A quoted field may hold commas and doubled quotes, not line ends. False: a quote is not
/// closed.
inline bool next_csv_line(std::string_view& rest, std::vector<std::string>& fields) {
  std::string_view line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : rest.size());
  if (line.ends_with('\r')) line.remove_suffix(1);

  std::size_t count = 1;
  const auto field = [&]() -> std::string& {
    if (fields.size() < count) fields.resize(count);
    return fields[count - 1];
  };
  field().clear();
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      field() += c;
      ++i;
    } else if (c == '"' && (quoted || field().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      ++count;
      field().clear();
    } else {
      field() += c;
    }
  }
  fields.resize(count);
  return !quoted;
}

}  // namespace sluice::kite
