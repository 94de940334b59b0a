// A pipeline's file as somebody wants it to be, without writing it.
#pragma once

#include "config/document.hpp"
#include "config/load.hpp"
#include "config/pipeline.hpp"

#include <string>
#include <vector>

namespace sluice::config {

struct stage_edit {
  std::string stage;
  std::string plugin;            ///< a name, or a path with a slash in it; empty: the one it has
  std::vector<std::string> set;  ///< "key=value", the value as in the file; what is no TOML value
                                 ///< is a string
};

/// What `now` was read from, edited. Where the plugin becomes another one, only the host's keys
/// stay: its own mean nothing to that. What is edited has no place in the file. Throws
/// std::runtime_error: no such stage, or no such plugin, or no key=value, or `now` has no document.
node edited(const pipeline_spec& now, const stage_edit& edit, const plugin_lookup& find);

}  // namespace sluice::config
