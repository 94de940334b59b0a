// Which records a stage's edges let nobody have.
#pragma once

#include "config/pipeline.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::config {

/// Of records with one of `schemas` (if that is empty, of those that `edges` name): some that no
/// edge takes, as `priority 2` or `type "", exchange "NSE"`; nothing if all are taken. Who writes
/// "" for an attribute, "has none", is taken to have named all its values: only the source knows
/// them. Nothing, too, if there are too many cases to look at.
std::optional<std::string> not_taken(const std::vector<const where_spec*>& edges,
                                     std::vector<std::string> schemas);

}  // namespace sluice::config
