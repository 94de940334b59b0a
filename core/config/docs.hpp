#pragma once

#include <sluice/abi.h>

#include <string>

namespace sluice::config {

/// A plugin's reference page in Markdown: what it is, its keys, a sample.
std::string plugin_docs(const sluice_plugin& plugin);

/// The part of a pipeline file that runs this plugin: required keys to fill in, all others as
/// comments with their defaults.
std::string sample_toml(const sluice_plugin& plugin);

/// The reference page of the keys that are the host's: [pipeline], [level], [[stage]], queue,
/// where, [[service]].
std::string host_docs();

}  // namespace sluice::config
