// Which object's code a thread is in: what tells a host call from one that is made elsewhere.
#pragma once

namespace sluice::runtime {

class plugin_object;

/// Lives on the stack around each call of a plugin's function. A scope within another (a source's
/// push runs what follows it) hides it.
class call_scope {
 public:
  /// As the thread tags of abi.h name them.
  enum class tag { lane, control };

  call_scope(const plugin_object& of, tag as) : of_{&of}, as_{as}, outer_{current_} {
    current_ = this;
  }
  ~call_scope() { current_ = outer_; }
  call_scope(const call_scope&) = delete;
  call_scope& operator=(const call_scope&) = delete;

  /// This thread is in a call of this very object.
  static bool within(const plugin_object& of) {
    return current_ != nullptr && current_->of_ == &of;
  }
  static bool within(const plugin_object& of, tag as) { return within(of) && current_->as_ == as; }

 private:
  const plugin_object* const of_;
  const tag as_;
  const call_scope* const outer_;
  static inline thread_local const call_scope* current_ = nullptr;
};

}  // namespace sluice::runtime
