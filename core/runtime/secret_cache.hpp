// Secrets that are read over the network: a thread of the host reads each once a second, so that
// no lane waits for it.
#pragma once

#include "config/pipeline.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::runtime {

class secret_cache {
 public:
  /// `tell` is called on the cache's thread, for people, when a Redis stops or begins to answer.
  using teller = std::function<void(bool reachable, std::string_view message)>;
  explicit secret_cache(teller tell);
  ~secret_cache();

  /// [control] A remote secret is read from now on; waits for the first answer, a second at most.
  void keep(const config::secret_reader& which);

  /// [any] The secret; a remote one as it was last read, which a Redis that gives no answer does
  /// not change. Throws std::runtime_error with the reason if there is none.
  std::string read(const config::secret_reader& which) const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace sluice::runtime
