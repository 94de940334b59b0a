// Host names to addresses, on a thread of the host: the system's resolver blocks for seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::runtime {

/// All calls are for any thread. The thread starts with the first question and is left behind if
/// the system does not answer before the end.
class resolver {
 public:
  resolver();
  ~resolver();

  /// A ticket, never 0. `done` is called on the resolver's thread when the answer is there, unless
  /// the owner was forgotten.
  std::uint64_t begin(std::string_view name, const void* owner, std::function<void()> done);

  enum class outcome { pending, found, failed };
  /// found: numeric addresses, one a line; failed: the reason. Either ends the ticket.
  outcome result(std::uint64_t ticket, std::string& text);

  /// No `done` of this owner runs after this returns; its tickets end.
  void forget(const void* owner);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace sluice::runtime
