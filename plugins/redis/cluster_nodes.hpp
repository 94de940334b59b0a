// Who serves which slot of a cluster, as one of its nodes tells it. Pure.
#pragma once

#include "url.hpp"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::redis {

struct slot_range {
  std::uint16_t first = 0, last = 0;
};

struct cluster_node {
  place at;
  bool master = false;
  bool self = false;              ///< it is who tells
  std::vector<slot_range> slots;  ///< only of a master
};

/// The answer to CLUSTER NODES; none if it is not one. Nodes that have no address yet, or no more,
/// are left out; slots on their way from one node to another are their owner's. `told_by`: its
/// host stands for an address that the node does not know of itself.
/// https://redis.io/docs/latest/commands/cluster-nodes/
std::optional<std::vector<cluster_node>> parse_cluster_nodes(std::string_view text,
                                                             const place& told_by);

/// Where an answer "MOVED 3999 host:port" or "ASK 3999 host:port" points to; none if it is not one.
/// An empty host is that of who said it.
std::optional<place> redirection(std::string_view error, const place& told_by);

}  // namespace sluice::redis
