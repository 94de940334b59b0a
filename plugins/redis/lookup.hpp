// The addresses of a place: those it is written with, or those that the host's resolver finds.
// Never blocks.
#pragma once

#include "transport.hpp"
#include "url.hpp"

#include <sluice/ext/resolver.h>
#include <sluice/stage.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace sluice::redis {

/// For one lane.
class lookup {
 public:
  using endpoint = transport::protocol::endpoint;
  enum class progress : std::uint8_t {
    waiting,
    found,  ///< see endpoints
    failed  ///< see reason
  };

  explicit lookup(host host);

  /// Begins anew.
  progress begin(const place& of);
  /// While waiting: after the event loop ran.
  progress poll();

  /// At least one, once found.
  const std::vector<endpoint>& endpoints() const { return endpoints_; }
  const std::string& reason() const { return reason_; }

 private:
  struct ticket {
    std::uint64_t number = 0;
    time_point begun{};
  };

  void forget_old_answer();
  sluice_status result_of(const ticket& which, std::string& answer) const;
  progress fail(std::string reason);

  host host_;
  const sluice_resolver* resolver_;
  place of_;
  std::map<std::string, ticket> tickets_;  ///< under way, by name
  std::vector<endpoint> endpoints_;
  std::string reason_;
};

}  // namespace sluice::redis
