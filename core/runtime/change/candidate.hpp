// A new object for a stage: made and tested off the data path, before it takes its place.
#pragma once

#include "config/pipeline.hpp"
#include "runtime/change/change.hpp"
#include "runtime/change/replacement.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::runtime {

class lane;
class stage;

/// How a change waits, how it calls plugin code that may hang, and who steps a lane: with threads,
/// or in virtual time.
struct change_host {
  /// Until `done`, at most so long; false: it was not.
  std::function<bool(const std::function<bool()>& done, std::int64_t limit_ns)> wait;
  /// Throws what `call` throws, and plugin::hung if it does not return in time. Any thread.
  std::function<void(const std::string& what, std::int64_t limit_ns, std::function<void()> call)>
      guarded;
  /// A lane that has started is stepped from now on; one that has finished is not any more.
  std::function<void(lane&)> begin, end;
};

/// For the thread of the change, but where said.
class candidate {
 public:
  /// `of` and `by` outlive it.
  candidate(stage& of, const config::stage_spec& spec, const change_host& by);
  ~candidate();
  candidate(const candidate&) = delete;
  candidate& operator=(const candidate&) = delete;

  /// Creates it and lets it test itself. Throws std::runtime_error naming the plugin and the step.
  void create();
  /// Whether it can read a state, such as the old one has now, within a second: nobody can end the
  /// call in the lane. It is of no other use then. Throws as create.
  void rehearse(std::string_view schema, const std::vector<std::uint8_t>& state);
  /// Starts a sink, while the old one goes on, and waits until it is ready. Throws as create.
  void connect();

  /// Null once it was taken, or is left behind.
  const plugin_object* object() const { return with_.next.get(); }
  /// [lane] What stage::replace takes; `told` gets what becomes of it.
  replacement& offer(stage_receipt& told, bool lose_state);
  /// [any] After stage::replace: whether its first batch passed; null: that is not waited for.
  const std::shared_ptr<trial>& on_trial() const { return with_.on_trial; }

 private:
  using function = std::function<sluice_status(sluice_text*)>;
  void call(const char* step, std::int64_t limit_ns, function what);

  const change_host& by_;
  replacement with_;
  std::string title_;
};

}  // namespace sluice::runtime
