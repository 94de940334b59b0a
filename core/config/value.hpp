// One value of one row: from the file, from a text, within its bounds.
#pragma once

#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// Whose rules a text is read by.
enum class rules : std::uint8_t {
  file,  ///< as written in the file: a duration needs its unit
  loose  ///< an environment variable's: bare seconds, yes/no, lists with commas
};

/// A text as a value. False: `error` says what is allowed; it never repeats the text.
bool parse_value(const sluice_field& row, std::string_view text, rules by, checked& out,
                 std::string& error);

/// A value of the file, `${...}` resolved. False: `error` says what is wrong and what is allowed;
/// it shows what the file says, never what was substituted.
bool convert_value(const sluice_field& row, const node& from, const environment& variables,
                   checked& out, std::string& error);

/// "a duration such as "100ms", "1.5s", "2m" or "1h"", with bounds: "between 1ms and 10s".
std::string allowed(const sluice_field& row);

std::vector<std::string> choices_of(const sluice_field& row);

/// The value as one would write it, for people; never a secret.
std::string show_value(const sluice_field& row, const checked& value);
/// A number of the row's kind (bounds, values) with its unit.
std::string show_amount(const sluice_field& row, double amount);

/// Whether the row bounds its values at all, below and above.
bool has_minimum(const sluice_field& row);
bool has_maximum(const sluice_field& row);

}  // namespace sluice::config
