// What a case works with: the plugin, its settings, harnesses, and the ways to end.
#pragma once

#include "config/load.hpp"
#include "conformance/suite.hpp"

#include <sluice/testing.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::testing::conformance {

struct failed : std::runtime_error {
  using runtime_error::runtime_error;
};
struct skipped : std::runtime_error {
  using runtime_error::runtime_error;
};

class bench {
 public:
  explicit bench(const subject& of) : of_{of} {}

  const std::filesystem::path& file() const { return of_.file; }
  /// Loads it, the first time.
  const sluice_plugin& plugin();
  bool is(std::uint32_t kind) { return plugin().kind == kind; }
  bool can(std::uint32_t capability) { return (plugin().capabilities & capability) != 0; }
  const char* kind();
  /// Null if the plugin has none of that id.
  template <typename Table>
  const Table* extension(std::string_view id) {
    if (plugin().extension == nullptr) return nullptr;
    return static_cast<const Table*>(plugin().extension(borrow(id)));
  }

  /// What it was given, and a value for every required key that is missing there.
  const std::string& settings();

  /// A stage in its harness, started; of another descriptor than the file's, if one is given.
  /// Stages with sockets run in real time.
  harness make() { return make(plugin()); }
  harness make(const sluice_plugin& as);
  /// Moves time on: so far that timers come, and never long where time is real.
  void let_pass(harness& in, duration by);

  void doing(std::string_view step) { of_.doing(step); }
  void expect(bool holds, const std::string& otherwise) {
    if (!holds) throw failed{otherwise};
  }
  /// Nothing in it broke the contract so far, and all is counted.
  void expect_sound(harness& in, const std::string& when);
  /// The same, but it may have refused to start.
  void expect_sound_if_started(harness& in, const std::string& when);
  [[noreturn]] void skip(const std::string& why) { throw skipped{why}; }

  std::string said;  ///< of a case that passes

 private:
  void judge(harness& in, const std::string& when, bool may_stop);

  const subject& of_;
  config::found_plugin found_;
  std::optional<std::string> settings_;
};

/// "1 record", "2 records".
std::string amount(std::int64_t number, std::string_view of);

}  // namespace sluice::testing::conformance
