// Whether a plugin's descriptor keeps the contract (sluice/abi.h).
#pragma once

#include <sluice/abi.h>

#include <cstdint>

namespace sluice::plugin {

/// Throws std::runtime_error with the first thing that is wrong and what is allowed.
/// `symbol_size` is what the file says of the entry's size in bytes, 0 if it says nothing.
/// Runs no code of the plugin but `extension`, and that last.
void check_descriptor(const sluice_plugin& plugin, std::uint64_t symbol_size);

}  // namespace sluice::plugin
