// A pipeline as a picture: for a terminal, for Graphviz, for programs.
#pragma once

#include "config/pipeline.hpp"

#include <string>

namespace sluice::config {

/// One line a stage, lanes apart, in plain ASCII.
std::string graph_text(const pipeline_spec& pipeline);
std::string graph_dot(const pipeline_spec& pipeline);
std::string graph_json(const pipeline_spec& pipeline);

/// "10000 records, 16MiB, drop_oldest".
std::string describe(const queue_spec& queue);

}  // namespace sluice::config
