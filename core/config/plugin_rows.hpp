// A plugin's rows as such: whether the host can use them.
#pragma once

#include <sluice/abi.h>

#include <string>
#include <vector>

namespace sluice::config {

/// What is wrong with the plugin's configuration rows, each "key: problem"; empty if nothing is.
/// Reads constant data only.
std::vector<std::string> row_problems(const sluice_plugin& plugin);

}  // namespace sluice::config
