#pragma once

#include <sluice/abi.h>

#include <span>
#include <string>

namespace sluice::config {

/// The JSON Schema (draft 2020-12) of a pipeline file that uses these plugins, for editors and
/// independent validators. Stages of other plugins are not looked into. What only the whole file
/// shows (names, wiring, rules across keys) is not in it.
std::string json_schema(std::span<const sluice_plugin* const> plugins);

}  // namespace sluice::config
