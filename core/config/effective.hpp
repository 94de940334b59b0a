// What every key came to and where from, as `sluice check --effective` shows it.
#pragma once

#include "config/settings.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

/// Where a value of the file comes from: its place, and in brackets what its ${...} refer to.
std::string origin_of(const entry& given, const reading& state);

/// A value as the file says it.
struct reference {
  std::string shown;     ///< what came from outside stands as its ${...}
  bool outside = false;  ///< some of it came from a variable or a file
};
/// Of a string, an integer, or a list of them.
reference reference_of(const node& value, const environment& variables);

/// A key came to something else than its row says, or has no row.
void amend(reading& state, std::string_view owner, std::string_view key, std::string value,
           std::string origin);

/// A variable of the requirement that switches something off: "environment NAME" if it does, else
/// nothing. It never switches on what the file leaves off. `of` begins the error of a bad value.
std::optional<std::string> switched_off(std::string_view variable, const std::string& of,
                                        reading& state);

}  // namespace sluice::config
