// The conformance suite: what the contract (sluice/abi.h) asks of every plugin, case by case.
//
// A case runs whatever the plugin does to it: give it a process of its own, with a limit of time.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::testing::conformance {

/// What is verified, and how.
struct subject {
  std::filesystem::path file;
  std::string settings;           ///< of the stage, as in a pipeline file
  std::filesystem::path scratch;  ///< a folder for what the stage writes without being told where
  /// Told before each step, so that a crash or a hang has a place.
  std::function<void(std::string_view step)> doing;
};

enum class result : std::uint8_t { pass, fail, skip };

struct verdict {
  result is = result::pass;
  std::string why;  ///< what failed and what is asked; why skipped; of `descriptor`, what it is
};

/// What must have passed for a case to mean anything, in this order.
enum class after : std::uint8_t { nothing, loaded, created, answered };

class bench;

struct test_case {
  std::string_view name;
  std::string_view asks;  ///< in one line
  after needs;
  void (*run)(bench& on);
};

/// In the order of a report.
std::span<const test_case> cases();
/// Null if there is none of that name.
const test_case* find_case(std::string_view name);

/// The cases that others come after.
struct step {
  std::string_view name;
  after allows;
  const char* otherwise;  ///< why the others are skipped
};
inline constexpr std::array steps{
    step{"descriptor", after::loaded, "the file cannot be loaded"},
    step{"create", after::created, "no stage was created"},
    step{"answers", after::answered, "it fails in plain traffic"},
};

/// How what the first of them says of a stage ends that holds ports or peers: its cases should not
/// run at once.
inline constexpr std::string_view with_event_loop = ", with an event loop";

verdict run(const test_case& which, const subject& of);

}  // namespace sluice::testing::conformance
