// Whether one configuration row of a plugin keeps the contract.
#pragma once

#include <sluice/abi.h>

#include <span>

namespace sluice::plugin {

/// Throws std::runtime_error with the first row that is wrong: its key, what and what is allowed.
void check_rows(std::span<const sluice_field> rows);

}  // namespace sluice::plugin
